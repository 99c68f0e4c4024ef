"""Addresses of predictions."""

from django.urls import path

from executions import explanation_views, views

app_name = "executions"

urlpatterns = [
    path("models/<slug:slug>/", views.create_execution, name="create"),
    path("history/", views.execution_list, name="list"),
    path("predictions/<uuid:pk>/", views.execution_detail, name="detail"),
    path("predictions/<uuid:pk>/status/", views.execution_status, name="status"),
    path("predictions/<uuid:pk>/cancel/", views.cancel_execution, name="cancel"),
    path(
        "predictions/<uuid:pk>/explanation/",
        explanation_views.execution_explanation,
        name="explanation",
    ),
    path("predictions/<uuid:pk>/curve/", explanation_views.execution_curve, name="curve"),
]
