"""The frame shared by the admin's own pages about a model or a version."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.admin import admin_page
from config.errors import refusals_as_messages
from models_registry.models import ModelVersion, RegisteredModel


def version_page(
    request: HttpRequest,
    template: str,
    version: ModelVersion,
    *,
    title: str,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Render an admin page about one version, with the admin's frame around it."""
    return admin_page(
        request,
        f"admin/models_registry/modelversion/{template}.html",
        title=title,
        status=status,
        opts=ModelVersion._meta,
        version=version,
        model=version.model,
        **context,
    )


def model_page(
    request: HttpRequest,
    template: str,
    model: RegisteredModel,
    *,
    title: str,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Render an admin page about one model, with the admin's frame around it."""
    return admin_page(
        request,
        f"admin/models_registry/registeredmodel/{template}.html",
        title=title,
        status=status,
        opts=RegisteredModel._meta,
        model=model,
        **context,
    )


def act(
    request: Any, version: ModelVersion, service: Callable[..., Any], **arguments: Any
) -> HttpResponse:
    """Call a service for a version and go back to its page, with the reason if it refused."""
    with refusals_as_messages(request):
        service(version=version, by=request.user, **arguments)
    return redirect("admin:models_registry_modelversion_change", version.pk)
