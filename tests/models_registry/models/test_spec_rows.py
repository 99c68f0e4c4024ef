from dataclasses import fields, replace
from typing import Any

import pytest

from models_registry.inputs.configuration import Configuration
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.models import Feature, InputRule, Target
from models_registry.revisions import configuration_of, write_configuration
from tests.factories import make_version

FEATURE = FeatureSpec(
    name="rooms",
    label="Rooms",
    kind=Kind.CHOICE,
    requirement=Requirement.OPTIONAL,
    help="Without the kitchen.",
    unit="rooms",
    group="Advanced",
    minimum=1,
    maximum=2**60,
    soft_minimum=1.5,
    soft_maximum=9,
    step=0.5,
    choices=((1, "One"), (2.5, "More"), ("many", "Many"), (True, "Yes")),
    takes_others=True,
    max_length=7,
    default=1,
    typical=2.5,
    imputed="many",
    is_sensitive=True,
    is_listed=True,
    deprecation="Nobody knows.",
    rank=3,
    is_complete=False,
    sources={"kind": "OneHotEncoder", "default": "admin"},
)
TARGET = TargetSpec("rent", "Rent", "€", ((0, "Low"), (True, "High")))
RULE = RuleSpec("rooms", RuleKind.REQUIRES, "age", 2.5, "Say the age.")
STORED: dict[str, Any] = {
    "features": [
        {
            "name": "rooms",
            "label": "Rooms",
            "kind": "choice",
            "requirement": "optional",
            "help": "Without the kitchen.",
            "unit": "rooms",
            "group": "Advanced",
            "minimum": 1,
            "maximum": 2**60,
            "soft_minimum": 1.5,
            "soft_maximum": 9,
            "step": 0.5,
            "choices": [[1, "One"], [2.5, "More"], ["many", "Many"], [True, "Yes"]],
            "takes_others": True,
            "max_length": 7,
            "default": 1,
            "typical": 2.5,
            "imputed": "many",
            "is_sensitive": True,
            "is_listed": True,
            "deprecation": "Nobody knows.",
            "rank": 3,
            "is_complete": False,
            "sources": {"kind": "OneHotEncoder", "default": "admin"},
        }
    ],
    "targets": [
        {
            "name": "rent",
            "label": "Rent",
            "unit": "€",
            "class_labels": [[0, "Low"], [True, "High"]],
        }
    ],
    "rules": [
        {
            "first": "rooms",
            "kind": "requires",
            "second": "age",
            "value": 2.5,
            "message": "Say the age.",
        }
    ],
}
"""A revision as version 0.1.0 stored it."""


def exact(configuration: Configuration) -> list[str]:
    """The fields with their types, since 1, 1.0 and True are equal."""
    return [repr(spec) for part in vars(configuration).values() for spec in part]


def test_a_specification_comes_back_from_its_row_as_it_was(db: None) -> None:
    version = make_version(features=(), targets=())
    written = Configuration((FEATURE, replace(FEATURE, name="age")), (TARGET,), (RULE,))
    write_configuration(version, written)
    assert exact(configuration_of(version)) == exact(written)


def test_what_the_example_leaves_at_its_default_would_prove_nothing() -> None:
    for spec in (FEATURE, TARGET, RULE):
        assert all(getattr(spec, item.name) != item.default for item in fields(spec))


@pytest.mark.parametrize(
    ("row", "spec"), [(Feature, FEATURE), (Target, TARGET), (InputRule, RULE)], ids=str
)
def test_texts_of_people_cannot_turn_the_text_around_them(row: Any, spec: Any, db: None) -> None:
    text = "label" if hasattr(spec, "label") else "message"
    made = row.from_spec(make_version(), 0, replace(spec, **{text: "a\u202eb" + "c" * 400}))
    assert "\u202e" not in getattr(made, text)
    assert len(getattr(made, text)) == row._meta.get_field(text).max_length


def test_a_revision_is_stored_in_the_form_that_it_always_had() -> None:
    configuration = Configuration((FEATURE,), (TARGET,), (RULE,))
    assert configuration.to_json() == STORED
    assert exact(Configuration.from_json(STORED)) == exact(configuration)


def test_a_revision_of_another_version_reads_without_the_fields_that_are_unknown_here() -> None:
    (feature,) = STORED["features"]
    less = {name: value for name, value in feature.items() if name != "deprecation"}
    other = STORED | {"features": [less | {"colour": "red"}], "more": 1}
    assert Configuration.from_json(other).features == (replace(FEATURE, deprecation=""),)
