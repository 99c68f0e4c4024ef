"""The page that says what promoting does, and does it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html

from config.errors import DomainError
from models_registry import services
from models_registry.admin.page import version_page
from models_registry.forms import PromoteForm
from models_registry.models import ModelVersion


def promote(request: Any, pk: int) -> HttpResponse:
    """The checklist, the candidate beside the active version, and the button."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    live = version.model.versions.active().first()
    form = PromoteForm(request.POST or None, initial={"text": version.release_notes})
    if request.method == "POST" and form.is_valid():
        try:
            services.promote(version=version, text=form.cleaned_data["text"], by=request.user)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            url = reverse("executions:create", args=[version.model.slug])
            messages.success(
                request, format_html('{} is live. <a href="{}">Open it</a>', version, url)
            )
            return redirect("admin:models_registry_modelversion_change", pk)
    return version_page(
        request,
        "promote",
        version,
        title=f"Promote {version.short_name} of {version.model.name}",
        live=live,
        form=form,
        status=422 if form.errors else 200,
    )
