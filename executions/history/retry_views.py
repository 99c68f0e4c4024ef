"""Views of a retry and of the private note of a prediction."""

import uuid

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.requests import SignedInRequest
from config.errors import DomainError
from executions.access import asked_id, own_execution
from executions.errors import NoActiveVersion
from executions.forms import InputForm
from executions.history.forms import NoteForm
from executions.models import Execution
from executions.records.hiding import no_longer_sensitive
from executions.services import own_predictions
from executions.views import form_page
from models_registry.models import ModelVersion


@require_POST
def retry_execution(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Run the same inputs on the live version; if they no longer fit, show them in its form."""
    execution = own_execution(request, pk)
    version = ModelVersion.objects.active().filter(model=execution.version.model).first()
    if version is None:
        return _refused(request, execution, NoActiveVersion())
    version.model = execution.version.model
    token = asked_id(request.POST.get("form_token", "")) or uuid.uuid4()
    form = _filled_form(execution, version, token, request.user.decimal_mark)
    if not form.is_valid():
        return form_page(request, version, form, status=422)
    try:
        retry = own_predictions.retry_execution(
            execution=execution,
            version=version,
            inputs=form.cleaned_inputs,
            form_token=token,
            by=request.user,
        )
    except DomainError as error:
        return _refused(request, execution, error)
    return HttpResponseRedirect(f"{reverse('executions:detail', args=[retry.pk])}#result")


def _filled_form(
    execution: Execution, version: ModelVersion, token: uuid.UUID, decimal_mark: str
) -> InputForm:
    """The version's form, sent with the execution's inputs, which are checked as they were stored.
    An input that the version no longer takes is an error too, for the rest is not the same, and so
    is one that it no longer hides, for its person to decide."""
    schema = version.features.as_schema()
    stored = execution.inputs or {}
    filled = InputForm(schema, values=stored, decimal_mark=decimal_mark).initial
    data = {**filled, "form_token": token}
    known = {feature.name for feature in schema.features}
    own = {name: value for name, value in stored.items() if name in known}
    form = InputForm(schema, data, decimal_mark=decimal_mark, checked=own)
    form.full_clean()
    for label in no_longer_sensitive(execution.version, version):
        form.add_error(
            None,
            f"{version.short_name} does not mark “{label}” as sensitive: administrators would see "
            "it. Nothing has been run.",
        )
    for name in stored.keys() - known:
        form.add_error(
            None, f"{version.short_name} has no input “{name}” any more. Nothing has been run."
        )
    return form


def _refused(request: SignedInRequest, execution: Execution, error: DomainError) -> HttpResponse:
    messages.error(request, error.message)
    return redirect("executions:detail", execution.pk)


@require_POST
def write_note(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    execution = own_execution(request, pk)
    form = NoteForm(request.POST)
    if form.is_valid():
        own_predictions.write_note(
            execution=execution, note=form.cleaned_data["note"], by=request.user
        )
        messages.success(request, "Note saved." if execution.note else "Note removed.")
    else:
        messages.error(request, " ".join(map(str, form.errors["note"])))
    return redirect("executions:detail", execution.pk)
