"""Addresses of notifications and their preferences."""

from django.urls import path

from notifications import views

app_name = "notifications"

urlpatterns = [
    path("", views.notification_list, name="list"),
    path("news/", views.news, name="news"),
    path("read/", views.read_all, name="read_all"),
    path("<int:pk>/read/", views.read, name="read"),
    path("<int:pk>/dismiss/", views.dismiss, name="dismiss"),
    path("settings/", views.preferences, name="preferences"),
    path("off/<str:token>/", views.switch_off, name="switch_off"),
]
