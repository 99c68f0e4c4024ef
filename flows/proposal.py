"""From what an examination read to the inputs and targets that an admin is offered."""

from typing import Any

from flows.model_host.protocol import Examination, ProposedFeature, ProposedTarget
from models_registry import training_config
from models_registry.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec


def propose(
    examination: Examination, config: dict[str, Any]
) -> tuple[tuple[FeatureSpec, ...], tuple[TargetSpec, ...]]:
    """The version's features in training order and its targets, with the training configuration
    merged in. Raises DomainError where the configuration contradicts itself."""
    return training_config.apply(
        map(_feature, examination.features), map(_target, examination.targets), config
    )


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
        choices=tuple((choice.value, choice.label) for choice in proposed.choices),
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
        class_labels=tuple((value, str(value)) for value in proposed.classes),
    )


def readable(name: str) -> str:
    """A training column's name as people would write it: "loan_amount" is "Loan amount"."""
    words = " ".join(name.replace("_", " ").split())
    return words[:1].upper() + words[1:] or name
