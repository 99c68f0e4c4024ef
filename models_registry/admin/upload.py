"""The page on which an admin uploads a file as a model's next version."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from config.errors import refusals_in
from models_registry import services
from models_registry.admin.page import model_page
from models_registry.forms.upload_forms import UploadForm
from models_registry.models import ModelVersion, RegisteredModel
from models_registry.taking_over import source_for


def upload(request: Any, pk: int) -> HttpResponse:
    """Receive a file as the model's next version and show its inspection."""
    model = get_object_or_404(RegisteredModel, pk=pk)
    source = source_for(model)
    form = UploadForm(request.POST or None, request.FILES or None, source=source)
    if request.method == "POST" and form.is_valid():
        with refusals_in(form, "file"):
            version = receive(model, form, source, request.user)
            _say_whose_file(request, version)
            return _on_to(request, version)
    return model_page(
        request,
        "upload",
        model,
        title=f"Upload a version of {model}",
        form=form,
        max_bytes=settings.ARTIFACT_MAX_BYTES,
        status=422 if form.errors else 200,
    )


def receive(
    model: RegisteredModel, form: UploadForm, source: ModelVersion | None, by: Any
) -> ModelVersion:
    """Receive the file of a valid form as the model's next version, which takes over from
    ``source`` where the form says so. Raises what ``one_upload`` and ``upload_version`` raise."""
    data = form.cleaned_data
    with services.one_upload(by=by):
        return services.upload_version(
            model=model,
            chunks=data["file"].chunks(),
            file_name=data["file"].name,
            config=data["config"],
            label=data["label"],
            description=data["description"],
            release_notes=data["release_notes"],
            reference=data["upload"],
            takes_over=source if data.get("takes_over") else None,
            by=by,
        )


def _say_whose_file(request: Any, version: ModelVersion) -> None:
    others = [str(other) for other in services.same_file(version)]
    if others:
        messages.info(request, f"The same file was uploaded before: {', '.join(others)}.")


def _on_to(request: Any, version: ModelVersion) -> HttpResponse:
    """The redirect to the version's page; the upload script follows it itself, so that the page
    shows the messages."""
    url = reverse("admin:models_registry_modelversion_change", args=[version.pk])
    if request.headers.get("X-Requested-With") == "XMLHttpRequest":
        return JsonResponse({"url": url}, status=201)
    return redirect(url)
