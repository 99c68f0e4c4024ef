"""Addresses of models."""

from django.urls import path

from models_registry import views

app_name = "models_registry"

urlpatterns = [path("", views.model_list, name="list")]
