"""The pages on which an admin edits a version's inputs and answers, or duplicates a locked
version."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from config.errors import DomainError, refusals_as_messages
from config.text.numbers import whole_number
from models_registry import services
from models_registry.admin.page import version_page
from models_registry.forms.configuration_forms import ConfigurationForm
from models_registry.models import ModelVersion, ReferenceData
from models_registry.revisions import configuration_of


def inputs(request: Any, pk: int) -> HttpResponse:
    """Show and save the inputs, the rules between them and the answers; read-only once the version
    was live."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    form = ConfigurationForm(
        configuration_of(version),
        revision=version.revision,
        decimal_mark=request.user.decimal_mark,
        data=request.POST if request.method == "POST" else None,
        page=whole_number(request.GET.get("page", ""), digits=4, default=1),
        wanted=request.GET.get("wanted", "")[:100],
    )
    if request.method == "POST" and (form.is_valid() or version.is_locked):
        try:
            saved = services.save_configuration(
                version=version,
                by=request.user,
                configuration=form.cleaned or form.configuration,
                seen=form.revision,
            )
        except DomainError as error:
            form.problem = error.message
        else:
            messages.success(request, _outcome(form.revision, saved))
            return redirect(request.get_full_path() if form.is_part else request.path)
    return version_page(
        request,
        "inputs",
        version,
        title=f"Inputs of {version.model} {version.short_name}",
        form=form,
        error_summary=form.error_summary,
        revisions=version.revisions.select_related("by"),
        status=422 if form.problem or form.error_summary else 200,
    )


def _outcome(seen: int, saved: ModelVersion) -> str:
    if saved.revision == seen:
        return "Nothing was changed, so nothing was saved."
    return f"Revision {saved.revision} is saved. Run a test before it can go live."


@require_POST
def take_over(request: Any, pk: int) -> HttpResponse:
    """Take labels, groups, rules and cases over from the version of the number ``from``."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    number = whole_number(request.POST.get("from", ""), digits=6, default=0)
    source = get_object_or_404(version.model.versions.exclude(pk=pk), number=number)
    with refusals_as_messages(request):
        services.take_over_into(version=version, source=source, by=request.user)
        messages.success(request, f"Taken over from {source.short_name}. See below what fits.")
    return redirect("admin:models_registry_modelversion_change", pk)


def duplicate(request: Any, pk: int) -> HttpResponse:
    """Show what a duplicate copies; a POST makes it."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    if request.method == "POST":
        with refusals_as_messages(request):
            draft = services.duplicate_version(version=version, by=request.user)
            messages.success(request, f"{draft} is a draft copy of {version.short_name}.")
            return redirect("admin:models_registry_modelversion_inputs", draft.pk)
        return redirect("admin:models_registry_modelversion_change", pk)
    return version_page(
        request,
        "duplicate",
        version,
        title=f"Duplicate {version.short_name} of {version.model}",
        input_count=version.features.count(),
        rule_count=version.rules.count(),
        case_count=version.cases.count(),
        has_reference=ReferenceData.objects.filter(version=version).exists(),
        next_number=version.model.versions.latest("number").number + 1,
    )
