"""The pages of a version's file: inspect again, replace, approve its types, delete, download."""

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST

from config.errors import refusals_as_messages
from models_registry import services
from models_registry.admin.inspection_page import inspection_context
from models_registry.admin.page import act, version_page
from models_registry.card.version_zip import backup_name
from models_registry.forms.upload_forms import ApproveForm, OtherRuntimeForm, ReplaceForm
from models_registry.models import ModelVersion


@require_POST
def inspect(request: Any, pk: int) -> HttpResponse:
    """Inspect the file again: by the runtime that saved it, or by another one on purpose."""
    version = get_object_or_404(ModelVersion, pk=pk)
    if "runtime" not in request.POST:
        return act(request, version, services.request_inspection)
    form = OtherRuntimeForm(request.POST)
    if not form.is_valid():
        for sentences in form.errors.values():
            messages.error(request, " ".join(map(str, sentences)))
        return redirect("admin:models_registry_modelversion_change", pk)
    runtime = form.cleaned_data["runtime"]
    return act(request, version, services.request_inspection, runtime=runtime)


def inspection(request: Any, pk: int) -> HttpResponse:
    """Show the steps of a version's inspection alone, for the page that polls them. With ``after``,
    the id of the inspection that it shows: nothing until there is another one."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    context = inspection_context(version)
    if context.inspection is None:
        raise Http404
    if request.GET.get("after") == str(context.inspection.pk):
        return HttpResponse(status=204)
    template = "admin/models_registry/modelversion/_inspection_steps.html"
    return render(request, template, vars(context) | {"version": version})


@require_POST
def replace(request: Any, pk: int) -> HttpResponse:
    version = get_object_or_404(ModelVersion, pk=pk)
    form = ReplaceForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, "Choose a file first.")
        return redirect("admin:models_registry_modelversion_change", pk)
    file = form.cleaned_data["file"]
    with refusals_as_messages(request), services.one_upload(by=request.user):
        services.replace_artifact(
            version=version, chunks=file.chunks(), file_name=file.name, by=request.user
        )
    return redirect("admin:models_registry_modelversion_change", pk)


@require_POST
def discard(request: Any, pk: int) -> HttpResponse:
    version = get_object_or_404(ModelVersion, pk=pk)
    with refusals_as_messages(request):
        services.delete_draft(version=version, by=request.user)
        messages.success(request, f"{version} is deleted.")
        return redirect("admin:models_registry_registeredmodel_change", version.model_id)
    return redirect("admin:models_registry_modelversion_change", pk)


def review(request: Any, pk: int) -> HttpResponse:
    """Show the page on which a superuser approves the types that a file was refused for."""
    if not request.user.is_superuser:
        raise PermissionDenied
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    inspection = version.inspections.first()
    types = inspection.needs_approval if inspection else []
    if request.method == "POST":
        form = ApproveForm(request.POST)
        shown = form.cleaned_data["types"] if form.is_valid() else []
        return act(request, version, services.approve_types, types=shown)
    same_file = ModelVersion.objects.filter(sha256=version.sha256).exclude(pk=pk)
    return version_page(
        request,
        "review",
        version,
        title=f"Review {version.short_name} of {version.model}",
        names=[f"{module}.{name}" for module, name in types],
        form=ApproveForm(initial={"types": json.dumps(types)}),
        elsewhere=same_file.select_related("model"),
    )


@require_POST
def download(request: Any, pk: int) -> HttpResponseBase:
    """Download the file and its configuration as one ZIP; the download is recorded."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    name = content_disposition_header(True, f"{backup_name(version)}.zip")
    with refusals_as_messages(request):
        return StreamingHttpResponse(
            services.download_version(version=version, by=request.user),
            content_type="application/zip",
            headers={"Content-Disposition": name},
        )
    return redirect("admin:models_registry_modelversion_change", pk)
