"""Differences between two configurations, in words."""

from dataclasses import replace
from typing import Any

import pytest

from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.schema_changes import SchemaChanges, schema_changes
from tests.factories import AGE, HOME, INCOME, WORK

BEFORE = InputSchema((AGE, INCOME, HOME, WORK))


def test_the_same_inputs_have_not_changed() -> None:
    assert schema_changes(BEFORE, BEFORE) == SchemaChanges(same=4)
    assert schema_changes(BEFORE, BEFORE).is_empty


def test_inputs_that_came_and_went_are_named_by_their_labels() -> None:
    changes = schema_changes(InputSchema((AGE, HOME)), InputSchema((AGE, INCOME)))
    assert changes == SchemaChanges(added=("Annual income",), removed=("Owns a home",), same=1)
    assert changes.sentences == ("Input added: Annual income", "Input removed: Owns a home")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"minimum": 0.0, "maximum": None}, "Allowed range 18 to 100 → at least 0"),
        ({"minimum": None, "maximum": None}, "Allowed range 18 to 100 → none"),
        ({"soft_maximum": 90.0}, "Trained range none → at most 90"),
        ({"label": "Age today", "unit": ""}, "Called Age → Age today; Unit years → none"),
        ({"typical": 45}, "Typical value 42 years → 45 years"),
        ({"typical": 45.87654321098765}, "Typical value 42 years → 45.88 years"),
        ({"typical": 42.000001}, "Typical value 42 years → 42.000001 years"),
        (
            {"imputed": 45.87654321098765},
            "What the model puts when it is missing: none → 45.88 years",
        ),
        ({"default": 45.87654321}, "Default none → 45.87654321 years"),
        ({"soft_minimum": 14.511950290020629}, "Trained range none → at least 14.51"),
        ({"step": 0.5}, "Step none → 0.5"),
        ({"deprecation": "Use the birth date"}, "Deprecated: Use the birth date"),
        ({"is_sensitive": True}, "Now sensitive"),
        ({"help": "In whole years"}, "Help text changed"),
    ],
    ids=str,
)
def test_each_change_of_an_input_is_a_sentence(fields: dict[str, Any], sentence: str) -> None:
    after = InputSchema((replace(AGE, **fields), INCOME, HOME, WORK))
    changes = schema_changes(BEFORE, after)
    assert changes.changed == ((fields.get("label", "Age"), sentence),)
    assert changes.same == 3


def test_trained_ranges_that_differ_little_are_told_with_all_digits() -> None:
    before, after = (replace(AGE, soft_minimum=low, soft_maximum=80.0) for low in (20.5, 20.5001))
    changes = schema_changes(InputSchema((before,)), InputSchema((after,)))
    assert changes.changed == (("Age", "Trained range 20.5 to 80 → 20.5001 to 80"),)


def test_choices_that_came_went_or_got_another_name_are_told_apart() -> None:
    after = replace(
        WORK, choices=(("emp", "In work"), ("self", "Self-employed"), ("stu", "Student"))
    )
    changes = schema_changes(InputSchema((WORK,)), InputSchema((after,)))
    assert changes.changed == (
        (
            "Employment",
            "One choice added: Student; One choice removed: Not working; "
            "Choice Employed is now called In work",
        ),
    )


def test_rules_that_came_and_went_are_told_in_labels() -> None:
    rule = RuleSpec("age", RuleKind.BELOW, "income")
    changes = schema_changes(BEFORE, replace(BEFORE, rules=(rule,)))
    assert changes.changed == (
        ("Rules between inputs", "Added: Age must be less than Annual income"),
    )
    assert changes.same == 4
    back = schema_changes(replace(BEFORE, rules=(rule,)), BEFORE)
    assert back.sentences == ("Rules between inputs: Removed: Age must be less than Annual income",)
