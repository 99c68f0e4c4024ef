"""Views of a person's presets: list, save, edit, load into the form, and suggestions."""

import uuid
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.requests import SignedInRequest
from config.errors import DomainError, refusals_as_messages
from config.text.numbers import whole_number
from executions.access import asked_id, own_execution
from executions.forms import InputForm, with_fix
from executions.views import Notice, form_page
from model_host.protocol.inputs import Scalar
from models_registry.models import ModelVersion
from presets import services
from presets.access import live_version, own_preset
from presets.errors import NameTaken
from presets.fitting import Fit, fit
from presets.forms import PresetForm, typed_values
from presets.habits import suggestions_for
from presets.listing import groups_of
from presets.menu import menu_of
from presets.models import Preset
from presets.suggestions import Suggestion

NAMED = 3
"""The number of fields that a sentence names."""


@require_GET
def preset_list(request: SignedInRequest) -> HttpResponse:
    """Show the presets of every model, or with ``?model=`` those of one."""
    groups = groups_of(request.user)
    slug = request.GET.get("model", "")
    asked = next((group for group in groups if group.model.slug == slug), None)
    if slug and asked is None:
        raise Http404
    shown = [asked] if asked else [group for group in groups if group.is_used]
    return render(request, "presets/preset_list.html", {
        "groups": shown,
        "suggestions": [(group.model, row) for group in shown for row in group.suggestions],
        "asked": asked,
        "choices": [group for group in groups if group.is_used or group is asked],
        "has_models": bool(groups),
        "deleted": _just_deleted(request),
        "limit": settings.MAX_PRESETS_PER_MODEL,
    })  # fmt: skip


def _list_url(slug: str, **more: int) -> str:
    """The address of the list of all models' presets, or of one model's."""
    asked: dict[str, str | int] = {"model": slug} if slug else {}
    query = urlencode({**asked, **more})
    return f"{reverse('presets:list')}?{query}".removesuffix("?")


def _just_deleted(request: SignedInRequest) -> Preset | None:
    pk = whole_number(request.GET.get("deleted", ""))
    gone = Preset.objects.own_of(request.user).exclude(deleted_at=None)
    return gone.filter(pk=pk).first() if pk is not None else None


@require_POST
def save(request: SignedInRequest, slug: str) -> HttpResponse:
    """Save values as a new preset. The menu of the model's form sends a name and stays in place;
    without scripts the form first asks for a name on a page of its own, and comes back, whether
    the values were saved or not."""
    version = live_version(request, slug)
    if request.headers.get("HX-Request") == "true":
        return _saved_in_place(request, version)
    if "cancel" in request.POST:
        return _unsaved(request, version)
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
    version = live_version(request, execution.version.model.slug)
    form = _filled(request, version, execution.inputs or {})
    back = f"{reverse('executions:detail', args=[pk])}#result"
    return _preset_page(request, version, form, back=back)


@require_GET
def save_suggestion(request: SignedInRequest, slug: str, digest: str) -> HttpResponse:
    version = live_version(request, slug)
    suggestion = _suggestion(request, version, digest)
    form = _filled(request, version, suggestion.values)
    return _preset_page(request, version, form, back=_list_url(request.GET.get("model", "")))


@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    preset = own_preset(request, pk)
    version = live_version(request, preset.model.slug)
    if request.method == "POST":
        return _saved(request, version, preset)
    form = _filled(request, version, preset.inputs, name=preset.name)
    problems = fit(preset.inputs, version.features.as_schema()).problems
    back = _list_url(request.GET.get("model", ""))
    return _preset_page(request, version, form, preset=preset, problems=problems, back=back)


def _filled(
    request: SignedInRequest, version: ModelVersion, values: Mapping[str, Scalar], name: str = ""
) -> PresetForm:
    schema = version.features.as_schema()
    fitting = fit(values, schema).values
    mark = request.user.decimal_mark
    return PresetForm(schema, name=name, values=fitting, decimal_mark=mark)


def _saved(request: SignedInRequest, version: ModelVersion, preset: Preset | None) -> HttpResponse:
    """Save what was posted and go back to where the person came from, or show what is wrong."""
    is_fixing = "fix" in request.POST
    data = with_fix(request.POST) if is_fixing else request.POST.copy()
    is_replacing = data.pop("replace", None) is not None
    data.pop("back", None)
    back = _back(request)
    form = PresetForm(version.features.as_schema(), data, decimal_mark=request.user.decimal_mark)
    twin = ""
    if form.is_valid() and not is_fixing:
        try:
            saved = services.save_preset(
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
            if not back:
                after = asked_id(request.POST.get("after", ""))
                query = urlencode({"saved": "1"} | ({"after": str(after)} if after else {}))
                return redirect(f"{reverse('presets:load', args=[saved.pk])}?{query}")
            messages.success(request, f"“{saved.name}” is saved.")
            return redirect(back)
    return _preset_page(request, version, form, preset=preset, twin=twin, back=back, status=422)


def _saved_in_place(request: SignedInRequest, version: ModelVersion) -> HttpResponse:
    """Save what the model's form holds under the name from its menu, and return the menu."""
    schema = version.features.as_schema()
    data = typed_values(request.POST, schema)
    is_replacing = data.pop("replace", None) is not None
    form = PresetForm(schema, data, decimal_mark=request.user.decimal_mark)
    saved, twin = "", ""
    if form.is_valid():
        try:
            saved = services.save_preset(
                version=version,
                name=form.cleaned_data["name"],
                inputs=form.cleaned_inputs.values,
                by=request.user,
                is_replacing=is_replacing,
            ).name
        except DomainError as error:
            form.add_error("name", error.message)
            twin = error.name if isinstance(error, NameTaken) else ""
    context = menu_of(request.user, version.model, schema) | {
        "saved": saved,
        "name": "" if saved else data.get("name", ""),
        "problem": "" if saved else _problem(form),
        "twin": twin,
    }
    return render(request, "presets/_picker.html", context, status=200 if saved else 422)


def _problem(form: PresetForm) -> str:
    """Why the values were not saved, in one sentence."""
    wrong = [str(form.fields[key].label) for key in form.inputs if key in form.errors]
    if wrong or "row" in form.errors:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        named = ", ".join(wrong[:NAMED]) or "the row"
        return f"Nothing was saved. Correct the values first: {named}{more}."
    return str([*form.errors.get("name", []), *form.non_field_errors()][0])


def _back(request: SignedInRequest) -> str:
    """The page of ours to go back to; none from the model's form."""
    page = request.POST.get("back", "")
    is_ours = page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return page if is_ours else ""


def _unsaved(request: SignedInRequest, version: ModelVersion) -> HttpResponse:
    """Show the model's form again with what was typed."""
    mark = request.user.decimal_mark
    form = InputForm(version.features.as_schema(), decimal_mark=mark)
    _keep_typed(request, form, form.names)
    return form_page(request, version, form)


def _keep_typed(request: SignedInRequest, form: InputForm, keys: Iterable[str]) -> None:
    typed = {
        key: form.inputs[key].widget.value_from_datadict(request.POST, {}, key) for key in keys
    }
    form.initial.update({key: text for key, text in typed.items() if text is not None})


def _preset_page(
    request: SignedInRequest,
    version: ModelVersion,
    form: PresetForm,
    *,
    preset: Preset | None = None,
    twin: str = "",
    problems: tuple[str, ...] = (),
    back: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "back": back,
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
    version = live_version(request, preset.model.slug)
    form, fitting = _loaded(request, version, preset.inputs)
    title = f"“{preset.name}” loaded: {fitting.summary}."
    if "saved" in request.GET:
        title = f"“{preset.name}” is saved. The form has its {fitting.summary}."
    return form_page(request, version, form, notice=Notice(title, fitting.problems))


@require_POST
def load_suggestion(request: SignedInRequest, slug: str, digest: str) -> HttpResponse:
    version = live_version(request, slug)
    suggestion = _suggestion(request, version, digest)
    form, fitting = _loaded(request, version, suggestion.values)
    title = f"Your usual values loaded: {fitting.summary}."
    return form_page(request, version, form, notice=Notice(title, fitting.problems))


def _loaded(
    request: SignedInRequest, version: ModelVersion, saved: Mapping[str, Scalar]
) -> tuple[InputForm, Fit]:
    """Return the form filled with the saved values, and how they fit it; nothing runs."""
    schema, mark = version.features.as_schema(), request.user.decimal_mark
    fitting = fit(saved, schema)
    form = InputForm(schema, values=fitting.values, decimal_mark=mark)
    if request.POST.get("schema") == schema.digest:
        others = [key for key, name in form.names.items() if name not in fitting.values]
        _keep_typed(request, form, others)
    return form, fitting


def _suggestion(request: SignedInRequest, version: ModelVersion, digest: str) -> Suggestion:
    suggestions = suggestions_for(request.user, version, version.features.as_schema())
    for suggestion in suggestions:
        if suggestion.digest == digest:
            return suggestion
    raise Http404


@require_POST
def dismiss(request: SignedInRequest, slug: str, digest: str) -> HttpResponse:
    version = live_version(request, slug)
    suggestion = _suggestion(request, version, digest)
    services.dismiss_suggestion(model=version.model, suggestion=suggestion, by=request.user)
    return redirect(_list_url(request.POST.get("model", "")))


@require_POST
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    preset = own_preset(request, pk)
    services.delete_preset(preset=preset, by=request.user)
    return redirect(_list_url(request.POST.get("model", ""), deleted=preset.pk))


@require_POST
def restore(request: SignedInRequest, pk: int) -> HttpResponse:
    preset = own_preset(request, pk, is_deleted=True)
    with refusals_as_messages(request):
        services.restore_preset(preset=preset, by=request.user)
    return redirect(_list_url(request.POST.get("model", "")))
