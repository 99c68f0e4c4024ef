"""The model card of a version, for people who decide whether to rely on it (Mitchell et al. 2019,
https://arxiv.org/abs/1810.03993)."""

from dataclasses import dataclass
from typing import Any

from django.utils.text import Truncator

from config.text.numbers import count_text, written
from models_registry.card.facts import (
    examination_of,
    libraries_running,
    saved_with_text,
    served_by_text,
    task_text,
)
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.number_text import (
    brief_number,
    show_number,
    span_text,
    with_unit,
)
from models_registry.inspection_steps import Examined
from models_registry.models import Deployment, ModelVersion
from models_registry.promotion.library_versions import library_differences
from models_registry.promotion.metric_changes import Direction, direction_of, metric_text
from models_registry.training.training_config import TrainingConfig

MOST_LISTED = 20
"""The number of an input's choices that a card lists."""
MOST_INPUTS = 200
"""The number of inputs that a card lists."""
MOST_WORDS = 5_000
"""The maximum number of characters of one fact about the data."""


@dataclass(frozen=True)
class Metric:
    name: str
    value: str
    direction: Direction


@dataclass(frozen=True)
class Library:
    """A library with the version that the model was trained with and the one that runs here;
    ``differs`` if the major or minor version differs."""

    name: str
    trained: str
    running: str
    differs: bool


@dataclass(frozen=True)
class Card:
    """Everything on the card but the editable text, which the version holds. The first ``inputs``
    come in the form's order, each with the values it takes; ``more_inputs`` counts the others."""

    version: ModelVersion
    task: str
    answers: list[str]
    certainty: str
    inputs: list[tuple[FeatureSpec, str]]
    more_inputs: int
    rules: list[str]
    metrics: list[Metric]
    training: list[tuple[str, str]]
    saved_with: str
    served_by: str
    libraries: list[Library]
    deployments: list[Deployment]


def card_of(version: ModelVersion) -> Card:
    """Return the card of a version read with its model, in a fixed number of queries."""
    schema = version.features.as_schema()
    examination = examination_of(version)
    told = version.training
    return Card(
        version=version,
        task=task_text(version),
        answers=[target.what_it_says for target in version.targets.all()],
        certainty=certainty_text(version, examination),
        inputs=[(feature, range_text(feature)) for feature in schema.in_form_order[:MOST_INPUTS]],
        more_inputs=max(0, len(schema.features) - MOST_INPUTS),
        rules=[rule.message or rule.sentence(schema.by_name) for rule in schema.rules],
        metrics=[
            Metric(name, metric_text(value), direction_of(name, told.metric_direction))
            for name, value in version.metrics.items()
        ],
        training=_training(told),
        saved_with=saved_with_text(version),
        served_by=served_by_text(version, examination),
        libraries=libraries_of(version, examination),
        deployments=list(version.deployments.select_related("by").order_by("-started_at", "-id")),
    )


def certainty_text(version: ModelVersion, examination: Examined) -> str:
    """Describe the model's certainty: probabilities of a classifier, or the interval of a
    regressor."""
    if version.task == "classification":
        if examination.gives_probabilities:
            return "A confidence: how sure the model is, not how often it is right."
        return "This model does not provide a confidence."
    if version.task != "regression":
        return "This model does not say how sure it is."
    reference = getattr(version, "reference_data", None)
    if (
        reference is not None
        and reference.interval_halfwidth is not None
        and reference.interval_sha256 == version.sha256
    ):
        width = with_unit(
            f"± {written(brief_number(reference.interval_halfwidth))}", _unit(version)
        )
        return f"A 90 % interval, {width}, from rows that were not used in training."
    if examination.gives_interval:
        return "A 90 % interval, the model's own."
    return "This model does not provide an interval."


def libraries_of(version: ModelVersion, examination: Examined) -> list[Library]:
    """Return the libraries of training beside those of the runtime that serves the version."""
    trained, running = version.libraries_trained, libraries_running(version, examination)
    apart = {difference.library for difference in library_differences(trained, running)}
    return [
        Library(name, str(trained.get(name, "")), str(running.get(name, "")), name in apart)
        for name in dict.fromkeys([*trained, *running])
    ]


def range_text(feature: FeatureSpec) -> str:
    """Describe the values that an input takes: its first choices, or its allowed or trained range
    with the unit."""
    if not feature.is_asked:
        return feature.kind_label
    if feature.choices:
        more = len(feature.offered) - MOST_LISTED
        labels = [label for _, label in feature.offered[:MOST_LISTED]]
        listed = ", ".join(labels) + (f" and {count_text(more)} more" if more > 0 else "")
        return listed + ("; other values, too" if feature.takes_others else "")
    low, high = feature.range_ends
    if low and high:
        return span_text(low, "to", high, feature.unit)
    if low:
        return f"at least {with_unit(low, feature.unit)}"
    if high:
        return f"at most {with_unit(high, feature.unit)}"
    return feature.unit


def _unit(version: ModelVersion) -> str:
    target = version.targets.first()
    return target.unit if target else ""


def _training(config: TrainingConfig) -> list[tuple[str, str]]:
    """The training configuration's facts about the data, and the model's author."""
    said = {key.capitalize(): value for key, value in config.data.items()}
    told = {"Author": config.author, "Notes": config.notes}
    said |= {key: value for key, value in told.items() if value}
    return [(key, Truncator(fact_text(value)).chars(MOST_WORDS)) for key, value in said.items()]


def fact_text(value: Any) -> str:
    """Return a fact of the training configuration in words, with the reader's numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return written(show_number(value))
    if isinstance(value, list):
        return ", ".join(map(fact_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {fact_text(one)}" for key, one in value.items())
    return str(value)
