"""Contributions to a prediction, in words and bars."""

from typing import Any

import pytest

from executions.explanations.contributions import Contributions, NumberText, read_contributions
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


def shown_of(*amounts: tuple[str, float]) -> Contributions:
    contributions = [{"name": name, "amount": amount} for name, amount in amounts]
    content = stored(Explanation, CONTENT | {"contributions": contributions})
    return read_contributions(content, SCHEMA, LOAN_INPUTS, [target()])


def test_the_sentence_names_the_typical_case_and_each_signed_contribution() -> None:
    shown = read_contributions(EXPLANATION, SCHEMA, LOAN_INPUTS, [target()])

    assert (
        shown.sentence == "Compared with a typical case (31.0 %): Annual income +22.0 points, "
        "Employment +0.4 points, Age \N{MINUS SIGN}5.0 points."
    )
    assert (shown.typical_text, shown.this_text) == ("31.0 %", "48.4 %")
    assert shown.class_label == "Repays"


def test_values_that_add_next_to_nothing_are_one_sentence() -> None:
    amounts = [("income", 0.22), ("age", 0.0004), ("work", -0.0004), ("home", 0.0)]

    shown = shown_of(*amounts)

    assert [row.label for row in shown.rest] == ["Age", "Employment", "Owns a home"]
    assert shown.rest_sentence == "Three more values together: less than 0.1 points."


@pytest.mark.parametrize(
    ("amounts", "sentence"),
    [
        ((0.2, 0.0), "One more value is as in a typical case."),
        ((0.2, 0.0, 0.0), "Two more values are as in a typical case."),
        ((0.2, 0.0004), "One more value: less than 0.1 points."),
        ((0.0,), "The value is as in a typical case."),
        ((0.0, 0.0, 0.0), "All three values are as in a typical case."),
        ((0.0004, 0.0, 0.0), "No value moved it by 0.1 points or more."),
        ((), ""),
    ],
)
def test_the_other_values_are_counted_as_what_they_are(
    amounts: tuple[float, ...], sentence: str
) -> None:
    shown = shown_of(*zip(("income", "age", "home"), amounts, strict=False))

    assert shown.rest_sentence == sentence


@pytest.mark.parametrize(("baseline", "prediction"), [(0.0, 1.0), (0.0004, 0.9996)])
def test_a_typical_case_and_this_case_are_never_certain(baseline: float, prediction: float) -> None:
    content = CONTENT | {"baseline": baseline, "prediction": prediction}

    shown = read_contributions(stored(Explanation, content), SCHEMA, LOAN_INPUTS, [target()])

    assert (shown.typical_text, shown.this_text) == ("< 0.1 %", "> 99.9 %")


def test_a_number_moves_in_the_targets_unit() -> None:
    content = CONTENT | {"quantity": "value", "label": None, "baseline": 3e5, "prediction": 4e5}
    contributions = [{"name": "income", "amount": 1.1e5}, {"name": "age", "amount": -1e4}]
    euros = target(TargetSpec("price", unit="€"))

    shown = read_contributions(
        stored(Explanation, content | {"contributions": contributions}),
        SCHEMA,
        LOAN_INPUTS,
        [euros],
    )

    assert (shown.typical_text, shown.this_text) == ("€ 300,000", "€ 400,000")
    assert [row.text for row in shown.first] == ["+€ 110,000", "\N{MINUS SIGN}€ 10,000"]


def test_bars_leave_the_centre_to_their_side_in_proportion() -> None:
    up, _, down = read_contributions(EXPLANATION, SCHEMA, LOAN_INPUTS, [target()]).first

    assert (up.is_plus, up.x_percent) == (True, 50.0)
    assert up.width_percent > down.width_percent * 4
    assert down.x_percent + down.width_percent == pytest.approx(50.0)


def test_rows_show_the_persons_own_value() -> None:
    up, _, down = read_contributions(EXPLANATION, SCHEMA, LOAN_INPUTS, [target()]).first

    assert (up.value, down.value) == ("€ 41,500", "34 years")


def test_five_rows_are_first_and_what_moved_it_up_leads() -> None:
    features = tuple(FeatureSpec(f"f{n}", f"F{n}", Kind.FLOAT) for n in range(7))
    amounts = [{"name": f"f{n}", "amount": (-1) ** n * (7 - n) / 10} for n in range(7)]
    content = CONTENT | {"contributions": amounts}

    shown = read_contributions(stored(Explanation, content), InputSchema(features), {}, [target()])

    assert [row.label for row in shown.first] == ["F0", "F2", "F4", "F1", "F3"]
    assert [row.label for row in shown.rest] == ["F6", "F5"]
    assert shown.rest_sentence == "Two more values together: \N{MINUS SIGN}10.0 points."


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
        ((318_000.0, 412_300.0), 71_234.0, "€ 71,200", "+€ 71,200"),
        ((318_000.0, 412_300.0), -13_649.0, "€ \N{MINUS SIGN}13,600", "\N{MINUS SIGN}€ 13,600"),
        ((318_000.0, 412_300.0), 3.0, "€ 0", "0"),
        ((3.5, 4.25), 0.75, "€ 0.750", "+€ 0.750"),
        ((0.0, 0.0), 0.0, "€ 0", "0"),
        ((1e-9, 3e-9), -2e-9, "€ \N{MINUS SIGN}2e-09", "\N{MINUS SIGN}€ 2e-09"),
        ((1e20, 3e20), 2e20, "€ 2e+20", "+€ 2e+20"),
    ],
)
def test_numbers_are_written_to_the_same_place(
    numbers: tuple[float, ...], number: float, plain: str, signed: str
) -> None:
    text = NumberText.of("value", numbers, "€")

    assert (text.plain(number), text.signed(number)) == (plain, signed)
