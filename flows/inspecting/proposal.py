"""The inputs and targets proposed to an admin from an examination."""

from dataclasses import fields, replace
from typing import Any

from model_host.protocol.examination import Examination, ProposedFeature, ProposedTarget
from models_registry.inputs.feature_spec import FeatureSpec, TargetSpec
from models_registry.inputs.labels import choice_label, distinct_choices, readable
from models_registry.reference.reference_fit import with_reference
from models_registry.reference.reference_profile import Profile
from models_registry.training.config_merge import Merged, merge
from models_registry.training.training_config import TrainingConfig

LIMITS = ("minimum", "maximum")
AS_READ = {item.name for item in fields(ProposedFeature)}.intersection(
    item.name for item in fields(FeatureSpec)
) - {*LIMITS, "choices"}
"""The fields of an input that are taken over as they were read."""


def propose(
    examination: Examination, config: TrainingConfig, profile: Profile | None = None
) -> Merged:
    """Return the version's inputs in training order, its targets and rules, with the training
    configuration merged in, and what the profile of reference data adds to both."""
    merged = merge(
        map(_feature, examination.features),
        map(_target, examination.targets),
        config,
        examination.libraries_trained,
    )
    features = merged.features if profile is None else with_reference(merged.features, profile)
    return replace(merged, features=features)


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
