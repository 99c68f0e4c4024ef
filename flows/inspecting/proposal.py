"""The inputs and targets proposed to an admin from an examination."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from model_host.protocol.examination import Examination, ProposedFeature, ProposedTarget
from models_registry.inputs.feature_spec import FeatureSpec, Requirement, Scalar, TargetSpec
from models_registry.inputs.input_check import InputError, clean_value
from models_registry.inputs.labels import choice_label, distinct_choices, readable
from models_registry.reference.reference_fit import with_reference
from models_registry.reference.reference_profile import Profile
from models_registry.training.config_merge import Merged, merge
from models_registry.training.training_config import TrainingConfig

LIMITS = ("minimum", "maximum")
TRIED = "trial prediction (stand-in)"
"""The source of a typical number of which nothing is known."""
AS_READ = {item.name for item in fields(ProposedFeature)}.intersection(
    item.name for item in fields(FeatureSpec)
) - {*LIMITS, "choices"}
"""The fields of an input that are taken over as they were read."""


def propose(
    examination: Examination,
    config: TrainingConfig,
    profile: Profile | None = None,
    rows: Sequence[Mapping[str, Any]] = (),
) -> Merged:
    """Return the version's inputs in training order, its targets and rules, with the training
    configuration merged in, and what the profile of reference data and its kept rows add."""
    merged = merge(
        map(_feature, examination.features),
        map(_target, examination.targets),
        config,
        examination.libraries_trained,
    )
    features = merged.features
    if profile is not None:
        features = with_reference(features, profile, rows=rows, rules=merged.rules)
    tried = {
        one.name: value
        for proposed, one in zip(examination.features, features, strict=True)
        if (value := _tried(examination, proposed, one)) is not None
    }
    return replace(merged, features=tuple(_with_tried(one, tried) for one in features))


def _tried(examination: Examination, proposed: ProposedFeature, spec: FeatureSpec) -> Scalar:
    """The number that the trial prediction found an answer with, where nothing is known of what is
    typical."""
    if examination.smoke_outputs is None or not spec.is_number or spec.typical is not None:
        return None
    if spec.requirement is not Requirement.REQUIRED or not proposed.complete:
        return None
    value = clean_value(spec, (examination.smoke_inputs or {}).get(proposed.name), ".")
    return None if isinstance(value, InputError) else value


def _with_tried(spec: FeatureSpec, tried: Mapping[str, Scalar]) -> FeatureSpec:
    if spec.name not in tried:
        return spec
    sources = {**spec.sources, "typical": TRIED}
    return replace(spec, typical=tried[spec.name], sources=sources)


def _feature(proposed: ProposedFeature) -> FeatureSpec:
    low, high = ("soft_minimum", "soft_maximum") if proposed.is_soft_range else LIMITS
    as_read: dict[str, Any] = {name: getattr(proposed, name) for name in AS_READ}
    return FeatureSpec(
        **as_read | {low: proposed.minimum, high: proposed.maximum},
        label=readable(proposed.name),
        choices=tuple(
            (one.value, one.label or choice_label(one.value)) for one in proposed.choices
        ),
        is_complete=proposed.complete,
    )


def _target(proposed: ProposedTarget) -> TargetSpec:
    return TargetSpec(
        name=proposed.name,
        label=readable(proposed.name),
        class_labels=distinct_choices([(value, choice_label(value)) for value in proposed.classes]),
    )
