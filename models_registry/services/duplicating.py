"""Drafts made from a version whose configuration is locked."""

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Max, Model

from accounts.activity import record
from accounts.models import User
from models_registry.errors import BoundDoesNotFit, NotInspected, VersionLocked
from models_registry.inputs.bounds import Bound
from models_registry.inputs.configuration import with_edits_of
from models_registry.inputs.spec_check import spec_problems
from models_registry.models import Inspection, ModelVersion, ReferenceData, RegisteredModel
from models_registry.revisions import configuration_of, write_configuration, write_revision
from models_registry.services.cases import NOT_RUN
from models_registry.services.configuring import save_configuration
from models_registry.services.rehearsing import request_example
from models_registry.taking_over import with_earlier

TAKEN_OVER = (
    "description",
    "intended_use",
    "limitations",
    "file_name",
    "sha256",
    "size",
    "format",
    "training_config",
    "metrics",
    "container",
    "task",
    "estimator",
    "libraries_trained",
    "runtime",
    "libraries_running",
    "altered_at",
)


@transaction.atomic
def duplicate_version(*, version: ModelVersion, by: User) -> ModelVersion:
    """Return a new draft of the same model with the same file and configuration, its saved cases
    and its reference data. It has not been tested. Raises NotInspected.

    The file is the same to the byte, so what its inspection found is taken over; approvals of types
    belong to the digest.
    """
    inspection = version.inspections.filter(
        status=Inspection.Status.SUCCEEDED, sha256=version.sha256
    ).first()
    if not version.container:
        raise NotInspected
    RegisteredModel.objects.select_for_update().get(pk=version.model_id)  # one number at a time
    latest = version.model.versions.aggregate(number=Max("number"))["number"]
    draft = ModelVersion.objects.create(
        model=version.model,
        number=latest + 1,
        uploaded_by=by,
        **{field: getattr(version, field) for field in TAKEN_OVER},
    )
    configuration = configuration_of(version)
    write_configuration(draft, configuration)
    write_revision(draft, configuration, [f"Copied from {version.short_name}"], by)
    for case in version.cases.all():
        _copy(case, version=draft, created_by=by, **NOT_RUN)
    for reference in ReferenceData.objects.filter(version=version):
        _copy(reference, version=draft)
    if inspection is not None:
        _copy(inspection, version=draft)
    request_example(version=draft, by=by)
    record("version duplicated", by=by, target=str(draft), after={"from": version.short_name})
    return draft


@transaction.atomic
def take_over_into(*, version: ModelVersion, source: ModelVersion, by: User) -> ModelVersion:
    """Give a draft the labels, groups, limits, rules and class labels of another version of its
    model, as a new revision, and copies of its saved cases. What a person set on the draft stays.
    Raises VersionLocked or NotInspected."""
    version = ModelVersion.objects.select_for_update().get(pk=version.pk, model=source.model_id)
    if version.is_locked:
        raise VersionLocked
    if not version.container:
        raise NotInspected
    now = configuration_of(version)
    version.takes_over = source
    version.save(update_fields=["takes_over"])
    found = with_earlier(version, now, keeps_answer=True)
    wanted = replace(with_edits_of(found, now), targets=found.targets, rules=found.rules)
    if wanted != now:
        write_configuration(version, wanted)
        ReferenceData.objects.filter(version=version).fit_to(wanted.features)
        version.revision += 1
        version.save(update_fields=["revision"])
        changes = wanted.changes_since(now)
        write_revision(version, wanted, [f"Taken over from {source.short_name}", *changes], by)
        request_example(version=version, by=by)
    record("taken over", by=by, target=str(version), after={"from": source.short_name})
    return version


@transaction.atomic
def propose_bound(*, version: ModelVersion, input: str, bound: Bound, by: User) -> ModelVersion:
    """Set the bound of an input on the model's next version, and return that draft: the newest
    inspected draft after ``version`` that has the input as a number, else a duplicate of the live
    version, or of ``version`` if the live one has no such input.

    A draft that is as strict already stays as it is. Raises BoundDoesNotFit where the draft's own
    default, typical value or other bound contradicts it, and NotInspected.
    """
    RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    draft = _next_version(version, input, by)
    configuration = configuration_of(draft)
    spec = configuration.schema.by_name[input]
    is_minimum = bound.field == "minimum"
    stands = spec.minimum if is_minimum else spec.maximum
    if stands is not None and (stands >= bound.value if is_minimum else stands <= bound.value):
        return draft
    changed = (
        replace(spec, minimum=bound.value) if is_minimum else replace(spec, maximum=bound.value)
    )
    if problems := spec_problems(changed):
        raise BoundDoesNotFit(draft.short_name, spec.label, next(iter(problems.values())))
    features = tuple(changed if one is spec else one for one in configuration.features)
    save_configuration(
        version=draft, by=by, configuration=replace(configuration, features=features)
    )
    return draft


def _next_version(version: ModelVersion, input: str, by: User) -> ModelVersion:
    having = ModelVersion.objects.filter(
        model=version.model_id, features__name=input, features__kind__in=["integer", "float"]
    ).select_related("model")
    draft = having.filter(
        status=ModelVersion.Status.DRAFT, activated_at=None, number__gte=version.number
    ).exclude(container="")
    if found := draft.order_by("-number").first():
        return found
    return duplicate_version(version=having.active().first() or version, by=by)


def _copy(row: Model, **fields: Any) -> None:
    row.pk, row._state.adding = None, True
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(force_insert=True)
