"""The page on which an admin uploads a file as a model's next version."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from config.errors import DomainError
from models_registry import services
from models_registry.admin.page import model_page
from models_registry.forms import UploadForm
from models_registry.models import RegisteredModel


def upload(request: Any, pk: int) -> HttpResponse:
    """Receive a file as the model's next version and show its inspection."""
    model = get_object_or_404(RegisteredModel, pk=pk)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            version = services.upload_version(
                model=model,
                chunks=data["file"].chunks(),
                file_name=data["file"].name,
                config=data["config"],
                label=data["label"],
                release_notes=data["release_notes"],
                by=request.user,
            )
        except DomainError as error:
            form.add_error("file", error.message)
        else:
            return redirect("admin:models_registry_modelversion_change", version.pk)
    return model_page(
        request,
        "upload",
        model,
        title=f"Upload a version of {model.name}",
        form=form,
        status=422 if form.errors else 200,
    )
