"""Hostile names: markup, 200 characters without a space, right to left, emoji."""

from typing import Any

from executions.models import Execution
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, Scalar, TargetSpec
from models_registry.models import ModelVersion
from tests.factories import LOAN_OUTPUTS, make_execution, make_model, make_version

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'>{{ 7*7 }}"
LONG = ("Verylongnamewithoutasinglespace" * 7)[:200]
MIRRORED = "\u202eשם הפוך \u2066مرحبا\u2069 🙂🏳️‍🌈"
EVERY = f"{MARKUP} {MIRRORED} {LONG}"[:200]

INPUTS: dict[str, Scalar] = {MARKUP: 1.5, MIRRORED: LONG, LONG: f"</textarea>{MARKUP}"}


def make_hostile_version(**fields: Any) -> ModelVersion:
    """Create a version whose model, inputs, choices, classes, units, help and words are all
    hostile."""
    choices: tuple[tuple[Scalar, str], ...] = ((LONG, EVERY), (MARKUP, MIRRORED), ("🙂", LONG))
    model = fields.pop("model", None) or make_model(
        name=EVERY, slug="hostile", description=f"{MARKUP} {LONG} {MIRRORED}"
    )
    return make_version(
        model=model,
        features=(
            FeatureSpec(MARKUP, MARKUP, Kind.FLOAT, unit="<b>€</b>", help=MARKUP, typical=1.5),
            FeatureSpec(MIRRORED, MIRRORED, Kind.CHOICE, help=MIRRORED, choices=choices),
            FeatureSpec(LONG, LONG, Kind.STRING, Requirement.MAY_BE_MISSING, group=MARKUP),
        ),
        targets=(
            TargetSpec("", EVERY, class_labels=((0, EVERY), (1, MARKUP), (2, MIRRORED), (3, LONG))),
        ),
        **{
            "label": MIRRORED,
            "description": EVERY,
            "release_notes": EVERY,
            "file_name": f"{MARKUP}{LONG}"[:200] + ".joblib",
            "estimator": LONG,
        }
        | fields,
    )


def make_hostile_execution(**fields: Any) -> Execution:
    """Create an answer of such a version, with a note and a warning of the same kind."""
    target = {
        "name": "",
        "value": 0,
        "confidence": 0.4,
        "probabilities": [{"value": value, "probability": 0.25} for value in range(4)],
        "interval": None,
        "score": None,
        "text": "",
    }
    outputs = LOAN_OUTPUTS | {"targets": [target], "warnings": [EVERY], "notes": [MARKUP]}
    return make_execution(inputs=INPUTS, outputs=outputs, note=EVERY, **fields)
