"""Addresses of models."""

from django.urls import path

from models_registry import views

app_name = "models_registry"

urlpatterns = [path("models/<slug:slug>/about/", views.about, name="about")]
