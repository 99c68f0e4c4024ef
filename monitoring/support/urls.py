"""Addresses of requests for help: those of the person, and those of admins."""

from django.urls import path

from monitoring.support import views

urlpatterns = [
    path("predictions/<uuid:pk>/help/", views.support_create, name="support_create"),
    path("monitoring/requests/", views.request_list, name="requests"),
    path("monitoring/requests/<int:pk>/", views.request_detail, name="request"),
    path("monitoring/requests/<int:pk>/close/", views.close_request, name="request_close"),
]
