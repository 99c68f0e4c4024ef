"""Contributions to a prediction, in words and bars."""

from typing import Any

import pytest

from executions.explanations.contributions import NumberText, read_contributions
from model_host.protocol.codec import stored
from model_host.protocol.explanation import Explanation
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, Target
from tests.factories import LOAN_FEATURES, LOAN_INPUTS, LOAN_TARGET

SCHEMA = InputSchema(LOAN_FEATURES)
CONTENT: dict[str, Any] = {
    "quantity": "probability",
    "label": 0,
    "baseline": 0.31,
    "prediction": 0.484,
    "contributions": [
        {"name": "income", "amount": 0.22},
        {"name": "age", "amount": -0.05},
        {"name": "work", "amount": 0.004},
        {"name": "home", "amount": 0.0},
    ],
    "not_compared": [],
    "method": "exact",
    "rows": 8,
    "seconds": 0.01,
    "problem": "",
}
EXPLANATION = stored(Explanation, CONTENT)


def target(spec: TargetSpec = LOAN_TARGET) -> Target:
    return Target.from_spec(ModelVersion(), 0, spec)


def test_the_sentence_names_the_typical_case_and_each_signed_contribution() -> None:
    shown = read_contributions(EXPLANATION, SCHEMA, LOAN_INPUTS, [target()])

    assert (
        shown.sentence
        == "Compared with a typical case (0.31): Annual income +0.22, Age \N{MINUS SIGN}0.05."
    )
    assert (shown.typical_text, shown.this_text) == ("0.31", "0.48")
    assert shown.class_label == "Repays"


def test_values_that_add_next_to_nothing_are_one_sentence() -> None:
    shown = read_contributions(EXPLANATION, SCHEMA, LOAN_INPUTS, [target()])

    assert [row.label for row in shown.rest] == ["Employment", "Owns a home"]
    assert shown.rest_sentence == "Two more values add less than 0.01 together."


def test_values_as_in_a_typical_case_are_called_so() -> None:
    content = CONTENT | {
        "contributions": [*CONTENT["contributions"][:2], {"name": "home", "amount": 0.0}]
    }

    shown = read_contributions(stored(Explanation, content), SCHEMA, LOAN_INPUTS, [target()])

    assert shown.rest_sentence == "One more value is as in a typical case."


def test_bars_leave_the_centre_to_their_side_in_proportion() -> None:
    up, down = read_contributions(EXPLANATION, SCHEMA, LOAN_INPUTS, [target()]).first

    assert (up.is_plus, up.x_percent) == (True, 50.0)
    assert up.width_percent > down.width_percent * 4
    assert down.x_percent + down.width_percent == pytest.approx(50.0)


def test_rows_show_the_persons_own_value() -> None:
    up, down = read_contributions(EXPLANATION, SCHEMA, LOAN_INPUTS, [target()]).first

    assert (up.value, down.value) == ("€ 41,500", "34 years")


def test_five_rows_are_first_and_what_moved_it_up_leads() -> None:
    features = tuple(FeatureSpec(f"f{n}", f"F{n}", Kind.FLOAT) for n in range(7))
    amounts = [{"name": f"f{n}", "amount": (-1) ** n * (7 - n) / 10} for n in range(7)]
    content = CONTENT | {"contributions": amounts}

    shown = read_contributions(stored(Explanation, content), InputSchema(features), {}, [target()])

    assert [row.label for row in shown.first] == ["F0", "F2", "F4", "F1", "F3"]
    assert [row.label for row in shown.rest] == ["F6", "F5"]
    assert shown.rest_sentence == "Two more values add \N{MINUS SIGN}0.10 together."


def test_an_input_that_the_version_no_longer_names_is_left_out() -> None:
    content = CONTENT | {
        "contributions": [{"name": "gone", "amount": 1.0}],
        "not_compared": ["gone"],
    }

    shown = read_contributions(stored(Explanation, content), SCHEMA, LOAN_INPUTS, [target()])

    assert (shown.first, shown.rest, shown.not_compared) == ((), (), ())


@pytest.mark.parametrize(
    ("numbers", "number", "plain", "signed"),
    [
        ((318_000.0, 412_300.0), 71_234.0, "€ 71,200", "+71,200"),
        ((318_000.0, 412_300.0), -13_649.0, "€ \N{MINUS SIGN}13,600", "\N{MINUS SIGN}13,600"),
        ((318_000.0, 412_300.0), 3.0, "€ 0", "0"),
        ((3.5, 4.25), 0.75, "€ 0.750", "+0.750"),
        ((0.0, 0.0), 0.0, "€ 0", "0"),
        ((1e-9, 3e-9), -2e-9, "€ \N{MINUS SIGN}2e-09", "\N{MINUS SIGN}2e-09"),
        ((1e20, 3e20), 2e20, "€ 2e+20", "+2e+20"),
    ],
)
def test_numbers_are_written_to_the_same_place(
    numbers: tuple[float, ...], number: float, plain: str, signed: str
) -> None:
    text = NumberText.of("value", numbers, "€")

    assert (text.plain(number), text.signed(number)) == (plain, signed)
