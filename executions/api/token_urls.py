"""Addresses of a person's page of API tokens."""

from django.urls import path

from executions.api import token_pages

app_name = "tokens"
urlpatterns = [
    path("", token_pages.token_list, name="list"),
    path("<int:pk>/revoke/", token_pages.token_revoke, name="revoke"),
]
