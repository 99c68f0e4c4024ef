"""Deployment records in Django admin."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from models_registry.models import Deployment


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    list_display = ["model", "version", "action", "by", "started_at", "ended_at"]
    list_filter = ["action", "model"]
    list_select_related = ["model", "version__model", "by"]
