"""Addresses of presets."""

from django.urls import path

from presets import views

app_name = "presets"

urlpatterns = [
    path("", views.preset_list, name="list"),
    path("<int:pk>/", views.edit, name="edit"),
    path("<int:pk>/load/", views.load, name="load"),
    path("<int:pk>/delete/", views.delete, name="delete"),
    path("<int:pk>/restore/", views.restore, name="restore"),
    path("of/<uuid:pk>/", views.save_from_execution, name="save_from"),
    path("<slug:slug>/save/", views.save, name="save"),
    path("<slug:slug>/suggested/<str:digest>/", views.save_suggestion, name="save_suggestion"),
    path("<slug:slug>/suggested/<str:digest>/load/", views.load_suggestion, name="load_suggestion"),
    path("<slug:slug>/suggested/<str:digest>/dismiss/", views.dismiss, name="dismiss"),
]
