"""What the admin's own pages about a model or a version have in common."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from config.errors import DomainError
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
    """A page of the admin about one version, with the admin's frame around it."""
    frame = admin.site.each_context(request) | {
        "title": title,
        "opts": ModelVersion._meta,
        "version": version,
        "model": version.model,
    }
    path = f"admin/models_registry/modelversion/{template}.html"
    return render(request, path, frame | context, status=status)


def model_page(
    request: HttpRequest,
    template: str,
    model: RegisteredModel,
    *,
    title: str,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """A page of the admin about one model, with the admin's frame around it."""
    frame = admin.site.each_context(request) | {
        "title": title,
        "opts": RegisteredModel._meta,
        "model": model,
    }
    path = f"admin/models_registry/registeredmodel/{template}.html"
    return render(request, path, frame | context, status=status)


def act(
    request: Any, version: ModelVersion, service: Callable[..., Any], **arguments: Any
) -> HttpResponse:
    """Call a service for a version and go back to its page, with the reason if it refused."""
    try:
        service(version=version, by=request.user, **arguments)
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("admin:models_registry_modelversion_change", version.pk)
