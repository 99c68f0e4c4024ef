"""Views of a person's presets: list, save, edit, load into the form, and suggestions."""

import uuid
from collections.abc import Mapping

from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.requests import SignedInRequest
from config.errors import DomainError, refusals_as_messages
from config.text.numbers import whole_number
from executions.access import own_execution
from executions.forms import InputForm, with_fix
from executions.views import Notice, form_page
from model_host.protocol.inputs import Scalar
from models_registry.models import ModelVersion, RegisteredModel
from presets import services
from presets.access import live_version, own_preset
from presets.errors import NameTaken
from presets.fitting import fit
from presets.forms import PresetForm, typed_values
from presets.habits import suggestions_for
from presets.models import Preset
from presets.presentation import rows, suggestion_rows
from presets.suggestions import Suggestion


@require_GET
def preset_list(request: SignedInRequest) -> HttpResponse:
    own = Preset.objects.kept().filter(user=request.user)
    mine_or_live = Q(versions__status=ModelVersion.Status.ACTIVE) | Q(presets__in=own)
    models = RegisteredModel.objects.filter(mine_or_live).distinct().order_by("name")
    slug = request.GET.get("model", "").replace("\x00", "")
    model = get_object_or_404(models, slug=slug) if slug else models.first()
    version = model.versions.active().first() if model else None
    return render(request, "presets/preset_list.html", {
        "models": list(models),
        "model": model,
        "version": version,
        "deleted": _just_deleted(request),
        **(_shown(request, version) if version else {"presets": own.filter(model=model)}),
    })  # fmt: skip


def _shown(request: SignedInRequest, version: ModelVersion) -> dict[str, object]:
    """Return the person's presets and suggestions for a model that is live."""
    schema = version.features.as_schema()
    presets = Preset.objects.kept().filter(user=request.user, model=version.model)
    return {
        "rows": rows(presets, schema),
        "suggestions": suggestion_rows(suggestions_for(request.user, version, schema), schema),
        "limit": settings.MAX_PRESETS_PER_MODEL,
    }


def _just_deleted(request: SignedInRequest) -> Preset | None:
    pk = whole_number(request.GET.get("deleted", ""))
    gone = Preset.objects.filter(user=request.user).exclude(deleted_at=None)
    return gone.filter(pk=pk).first() if pk is not None else None


@require_GET
def picker(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the form's menu: the person's presets and suggestions for this model."""
    version = live_version(slug)
    context = {"model": version.model, **_shown(request, version)}
    return render(request, "presets/_picker.html", context)


@require_POST
def save(request: SignedInRequest, slug: str) -> HttpResponse:
    """Save values as a new preset. Coming from the model's form, it first asks for a name."""
    version = live_version(slug)
    if "name" in request.POST:
        return _saved(request, version, None)
    data = typed_values(request.POST, version.features.as_schema())
    form = PresetForm(version.features.as_schema(), data, decimal_mark=request.user.decimal_mark)
    form.is_valid()
    form.errors.pop("name", None)
    return _preset_page(request, version, form)


@require_GET
def save_from_execution(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for a name for the inputs of one of the person's predictions."""
    execution = own_execution(request, pk)
    version = live_version(execution.version.model.slug)
    return _preset_page(request, version, _filled(request, version, execution.inputs or {}))


@require_GET
def save_suggestion(request: SignedInRequest, slug: str, digest: str) -> HttpResponse:
    version = live_version(slug)
    suggestion = _suggestion(request, version, digest)
    return _preset_page(request, version, _filled(request, version, suggestion.values))


@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    preset = own_preset(request, pk)
    version = live_version(preset.model.slug)
    if request.method == "POST":
        return _saved(request, version, preset)
    form = _filled(request, version, preset.inputs, name=preset.name)
    problems = fit(preset.inputs, version.features.as_schema()).problems
    return _preset_page(request, version, form, preset=preset, problems=problems)


def _filled(
    request: SignedInRequest, version: ModelVersion, values: Mapping[str, Scalar], name: str = ""
) -> PresetForm:
    schema = version.features.as_schema()
    fitting = fit(values, schema).values
    mark = request.user.decimal_mark
    return PresetForm(schema, name=name, values=fitting, decimal_mark=mark)


def _saved(request: SignedInRequest, version: ModelVersion, preset: Preset | None) -> HttpResponse:
    """Save what was posted and go to the list, or show what is wrong with it."""
    is_fixing = "fix" in request.POST
    data = with_fix(request.POST) if is_fixing else request.POST.copy()
    is_replacing = data.pop("replace", None) is not None
    form = PresetForm(version.features.as_schema(), data, decimal_mark=request.user.decimal_mark)
    twin = ""
    if form.is_valid() and not is_fixing:
        try:
            services.save_preset(
                version=version,
                name=form.cleaned_data["name"],
                inputs=form.cleaned_inputs.values,
                by=request.user,
                preset=preset,
                is_replacing=is_replacing,
            )
        except DomainError as error:
            form.add_error("name", error.message)
            twin = error.name if isinstance(error, NameTaken) else ""
        else:
            messages.success(request, f"“{form.cleaned_data['name']}” is saved.")
            return redirect(f"{reverse('presets:list')}?model={version.model.slug}")
    return _preset_page(request, version, form, preset=preset, twin=twin, status=422)


def _preset_page(
    request: SignedInRequest,
    version: ModelVersion,
    form: PresetForm,
    *,
    preset: Preset | None = None,
    twin: str = "",
    problems: tuple[str, ...] = (),
    status: int = 200,
) -> HttpResponse:
    context = {
        "model": version.model,
        "form": form,
        "preset": preset,
        "twin": twin,
        "problems": problems,
        "error_summary": form.error_summary if form.is_bound else [],
    }
    return render(request, "presets/preset_form.html", context, status=status)


@require_http_methods(["GET", "POST"])
def load(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show the model's form filled with a preset. Coming from that form, what else was typed
    stays."""
    preset = own_preset(request, pk)
    if request.method == "POST":
        services.mark_used(preset=preset)
    version = live_version(preset.model.slug)
    return _loaded(request, version, preset.inputs, f"“{preset.name}”")


@require_POST
def load_suggestion(request: SignedInRequest, slug: str, digest: str) -> HttpResponse:
    version = live_version(slug)
    suggestion = _suggestion(request, version, digest)
    return _loaded(request, version, suggestion.values, "Your usual values")


def _loaded(
    request: SignedInRequest, version: ModelVersion, saved: Mapping[str, Scalar], name: str
) -> HttpResponse:
    """Return the form filled with the saved values; nothing runs."""
    schema, mark = version.features.as_schema(), request.user.decimal_mark
    fitting = fit(saved, schema)
    form = InputForm(schema, values=fitting.values, decimal_mark=mark)
    if request.POST.get("schema") == schema.digest:
        others = [key for key, name in form.names.items() if name not in fitting.values]
        typed = {
            key: form.inputs[key].widget.value_from_datadict(request.POST, {}, key)
            for key in others
        }
        form.initial.update({key: text for key, text in typed.items() if text is not None})
    title = f"{name} loaded: {fitting.summary}."
    return form_page(request, version, form, notice=Notice(title, fitting.problems))


def _suggestion(request: SignedInRequest, version: ModelVersion, digest: str) -> Suggestion:
    suggestions = suggestions_for(request.user, version, version.features.as_schema())
    for suggestion in suggestions:
        if suggestion.digest == digest:
            return suggestion
    raise Http404


@require_POST
def dismiss(request: SignedInRequest, slug: str, digest: str) -> HttpResponse:
    version = live_version(slug)
    suggestion = _suggestion(request, version, digest)
    services.dismiss_suggestion(model=version.model, suggestion=suggestion, by=request.user)
    return redirect(f"{reverse('presets:list')}?model={slug}")


@require_POST
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    preset = own_preset(request, pk)
    services.delete_preset(preset=preset, by=request.user)
    return redirect(f"{reverse('presets:list')}?model={preset.model.slug}&deleted={preset.pk}")


@require_POST
def restore(request: SignedInRequest, pk: int) -> HttpResponse:
    preset = own_preset(request, pk, is_deleted=True)
    with refusals_as_messages(request):
        services.restore_preset(preset=preset, by=request.user)
    return redirect(f"{reverse('presets:list')}?model={preset.model.slug}")
