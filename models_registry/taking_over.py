"""What a draft takes over from an earlier version of its model: words, groups, limits, rules, class
labels and saved cases; and the record of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from config.text.numbers import written_with
from model_host.protocol.codec import stored, to_json
from models_registry.inputs.configuration import Configuration
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.taking_over import Told, take_over
from models_registry.models import ModelVersion, RegisteredModel, TestCase
from models_registry.revisions import configuration_of
from models_registry.training.config_merge import told_by


@dataclass(frozen=True)
class TakeOver:
    """The record: the number of the earlier version; a sentence for each change of the proposal
    (``taken``) and for each thing that was not taken (``left``); the number of ``cases`` taken, and
    of those that were not, why."""

    number: int = 0
    taken: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    cases: int = 0
    cases_left: tuple[str, ...] = ()


def take_over_of(version: ModelVersion) -> TakeOver | None:
    """Return the record of what the version took over; None if it took nothing over."""
    return stored(TakeOver, version.taken_over) if version.taken_over else None


def source_for(
    model: RegisteredModel, *, besides: ModelVersion | None = None
) -> ModelVersion | None:
    """Return the version that the model's next one takes over from: the live one, else the newest
    that was inspected. None if there is none."""
    versions = model.versions.exclude(container="")
    if besides is not None:
        versions = versions.exclude(pk=besides.pk)
    return versions.active().first() or versions.order_by("-number").first()


def with_earlier(
    version: ModelVersion, proposal: Configuration, *, keeps_answer: bool = False
) -> Configuration:
    """Return the proposal with what the version takes over, and record that on the version.
    ``keeps_answer``: labels of the answer that somebody gave stay. A case is copied once, so that
    one deleted since stays deleted."""
    source = version.takes_over
    if source is None:
        return proposal
    found = take_over(
        proposal,
        configuration_of(source),
        number=source.number,
        told=_told(version),
        told_earlier=_told(source),
        is_answer_told_anew=keeps_answer or version.training.target != source.training.target,
    )
    before = take_over_of(version)
    cases, cases_left = (
        _copied_cases(version, source, found.configuration)
        if before is None or before.number != source.number
        else (before.cases, before.cases_left)
    )
    record = TakeOver(source.number, found.taken, found.left, cases, tuple(cases_left))
    version.taken_over = to_json(record)
    version.save(update_fields=["taken_over"])
    return found.configuration


def _told(version: ModelVersion) -> Told:
    return {
        entry.name: told_by(entry)
        | {
            "default": entry.default,
            "typical": entry.typical,
            "requirement": None if entry.default is None else entry.default,
            "choices": entry.choices,
        }
        for entry in version.training.features
    }


def _copied_cases(
    version: ModelVersion, source: ModelVersion, configuration: Configuration
) -> tuple[int, Sequence[str]]:
    """Copy the cases of ``source`` that fit; return how many, and why the others do not."""
    taken = set(version.cases.values_list("name", flat=True))
    copied: list[TestCase] = []
    left: list[str] = []
    for case in source.cases.exclude(name__in=taken):
        values, why = _fitted(case, configuration)
        if why:
            left.append(f"“{case.name}”: {why}")
        else:
            copied.append(_copy(case, version, values))
    TestCase.objects.bulk_create(copied)
    return len(copied), left


def _fitted(case: TestCase, configuration: Configuration) -> tuple[dict[str, Any], str]:
    """The inputs of a case for these inputs, or why it does not fit."""
    schema: InputSchema = configuration.schema
    if len(case.expected) != len(configuration.targets):
        return {}, "the model answers with another number of values."
    for expected, target in zip(case.expected, configuration.targets, strict=True):
        classes = [repr(value) for value, _ in target.class_labels]
        if classes and repr(expected) not in classes:
            return {}, f"the model has no class {expected}."
    known = schema.by_name
    with written_with("."):  # it is stored
        cleaned = schema.clean({n: v for n, v in case.inputs.items() if n in known})
    wrong = " ".join(f"{known[name].label}: {error}" for name, error in cleaned.errors.items())
    return cleaned.values, wrong


def _copy(case: TestCase, version: ModelVersion, inputs: dict[str, Any]) -> TestCase:
    by: User | None = case.created_by
    return TestCase(
        version=version,
        name=case.name,
        inputs=inputs,
        expected=case.expected,
        tolerance=case.tolerance,
        created_by=by,
    )
