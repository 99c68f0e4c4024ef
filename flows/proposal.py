"""The inputs and targets proposed to an admin from an examination."""

from dataclasses import replace
from typing import Any

from model_host.protocol.examination import Examination, ProposedFeature, ProposedTarget
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.inputs.labels import choice_label, distinct_choices, readable
from models_registry.reference.reference_fit import with_reference
from models_registry.reference.reference_profile import Profile
from models_registry.training.config_merge import Merged, merge


def propose(
    examination: Examination, config: dict[str, Any], profile: Profile | None = None
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
    is_soft = proposed.is_soft_range
    return FeatureSpec(
        name=proposed.name,
        label=readable(proposed.name),
        kind=Kind(proposed.kind),
        requirement=Requirement(proposed.requirement),
        minimum=None if is_soft else proposed.minimum,
        maximum=None if is_soft else proposed.maximum,
        soft_minimum=proposed.minimum if is_soft else None,
        soft_maximum=proposed.maximum if is_soft else None,
        choices=tuple(
            (one.value, one.label or choice_label(one.value)) for one in proposed.choices
        ),
        takes_others=proposed.takes_others,
        default=proposed.default,
        typical=proposed.typical,
        imputed=proposed.imputed,
        is_complete=proposed.complete,
        sources=proposed.sources,
    )


def _target(proposed: ProposedTarget) -> TargetSpec:
    return TargetSpec(
        name=proposed.name,
        label=readable(proposed.name),
        class_labels=distinct_choices([(value, choice_label(value)) for value in proposed.classes]),
    )
