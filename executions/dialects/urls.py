"""Addresses of the two dialects, whose clients put no slash at the end."""

from django.urls import path

from executions.dialects import views

MODEL = "v2/models/<slug:slug>"
VERSION = f"{MODEL}/versions/<str:number>"
SCORER = "mlflow/<slug:slug>"

app_name = "dialects"
urlpatterns = [
    path("v2", views.server, name="server"),
    path("v2/health/live", views.live, name="live"),
    path("v2/health/ready", views.ready, name="ready"),
    path(MODEL, views.model, name="model"),
    path(VERSION, views.model, name="version"),
    path(f"{MODEL}/ready", views.model_ready, name="model_ready"),
    path(f"{VERSION}/ready", views.model_ready, name="version_ready"),
    path(f"{MODEL}/infer", views.infer, name="infer"),
    path(f"{VERSION}/infer", views.infer, name="version_infer"),
    path(f"{SCORER}/ping", views.ping, name="ping"),
    path(f"{SCORER}/health", views.ping, name="health"),
    path(f"{SCORER}/version", views.mlflow_version, name="mlflow_version"),
    path(f"{SCORER}/invocations", views.invocations, name="invocations"),
]
