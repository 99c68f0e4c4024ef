"""Differences between predictions, in words."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from executions.comparison.chart import chart_of
from executions.comparison.differences import Compared, compare, difference, same
from executions.comparison.drawing import BOTTOM, TOP, draw
from executions.results.answer import Answer
from executions.results.scale import nice_ticks
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.inputs.input_schema import InputSchema
from tests.factories import AGE, LOAN_FEATURES, LOAN_INPUTS

SCHEMA = InputSchema(LOAN_FEATURES)
REPAYS = Answer(
    label="Repays",
    confidence_text="83.4 %",
    confidence_percent=83.4,
    classes=(("Repays", "83.4 %", 83.4), ("Defaults", "16.6 %", 16.6)),
)


def made(day: int = 1, *, answer: Answer | None = REPAYS, **changes: Any) -> Compared:
    at = datetime(2026, 3, day, 12, tzinfo=UTC)
    return Compared(at, f"{day} Mar", "v4", SCHEMA, LOAN_INPUTS | changes, answer)


def price(day: int, number: float, **changes: Any) -> Compared:
    return replace(made(day, answer=Answer(value_text=f"{number:g}"), **changes), number=number)


def test_only_inputs_that_differ_are_differing() -> None:
    comparison = compare([made(), made(2, age=40.0)])
    assert [line.label for line in comparison.differing] == ["Age"]
    assert len(comparison.identical) == 3


def test_a_changed_number_says_how_far_and_how_much() -> None:
    cell = compare([made(age=28.0), made(2, age=34.0)]).differing[0].cells[1]
    assert (cell.text, cell.delta) == ("34 years", "+6 (+21 %)")


def test_identifiers_that_share_a_float_differ_and_are_subtracted_exactly() -> None:
    first = 1234567890123456788
    number = FeatureSpec("id", "Id", Kind.INTEGER)
    choice = FeatureSpec("shop", "Shop", Kind.CHOICE, choices=((first, "A"), (first + 1, "B")))
    schema = InputSchema((number, choice))
    two = [replace(made(day), schema=schema, inputs={"id": first + day, "shop": first + day - 1})
           for day in (1, 2)]  # fmt: skip
    lines = compare(two).differing
    assert [line.cells[1].text for line in lines] == ["1,234,567,890,123,456,790", "B"]
    assert lines[0].cells[1].delta.startswith("+1 ")
    assert not same(first, first + 1)
    assert same(first, float(first))


def test_what_a_model_does_not_look_at_is_not_compared() -> None:
    unused = FeatureSpec("row", "Row", Kind.UNUSED)
    schema = InputSchema((unused, AGE))
    two = [replace(made(day), schema=schema, inputs={"row": day, "age": 34.0}) for day in (1, 2)]
    assert [line.name for line in compare(two).inputs] == ["age"]


def test_a_large_share_is_grouped_as_numbers_are() -> None:
    assert difference(1, 21) == "+20 (+2,000 %)"


def test_no_share_is_given_of_nothing() -> None:
    assert difference(0, 2) == "+2"


def test_a_minus_is_a_real_one() -> None:
    assert difference(50, 40) == "−10 (−20 %)"


def test_a_difference_has_no_noise_of_binary_fractions() -> None:
    assert difference(0.1, 0.3) == "+0.2 (+200 %)"


def test_a_changed_choice_says_what_it_was() -> None:
    cell = compare([made(), made(2, work="emp")]).differing[0].cells[1]
    assert (cell.text, cell.delta) == ("Employed", "was Self-employed")


def test_a_value_that_became_unknown_is_a_change() -> None:
    cell = compare([made(), made(2, income=None)]).differing[0].cells[1]
    assert (cell.text, cell.delta) == ("not known", "was € 41,500")


def test_an_input_of_one_version_only_says_so() -> None:
    without = InputSchema(LOAN_FEATURES[1:])
    older = replace(made(), schema=without, version="v3")
    line = next(line for line in compare([older, made(2)]).inputs if line.name == "age")
    assert (line.cells[0].text, line.cells[1].delta) == ("not in v3", "added in v4")
    assert line.differs


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [(5, 5.0, True), (1.0, 1.0 + 1e-12, True), (1.0, 1.001, False), (True, 1, False),
     (None, 0, False), ("1", 1, False), (None, None, True)],
)  # fmt: skip
def test_values_are_compared_by_what_they_are(one: Any, other: Any, are_same: bool) -> None:
    assert same(one, other) is are_same


def test_another_answer_says_what_it_was_and_how_far_the_confidence_moved() -> None:
    undecided = replace(REPAYS, label="Defaults", confidence_text="57.1 %", confidence_percent=57.1)
    prediction, confidence = compare([made(), made(2, answer=undecided)]).result
    assert prediction.cells[1].delta == "was Repays"
    assert confidence.cells[1].delta == "−26.3 points"


def test_a_failed_prediction_is_shown_as_failed() -> None:
    failed = replace(made(2, answer=None), failure="The model failed on these inputs.")
    assert compare([made(), failed]).result[0].cells[1].text == "The model failed on these inputs."


def test_one_numeric_input_that_differs_is_what_the_chart_stands_over() -> None:
    predictions = [price(1, 300.0, age=50.0), price(2, 200.0, age=30.0)]
    chart = chart_of(predictions, compare(predictions))
    assert chart is not None
    assert chart.title == "Prediction over Age"
    assert [(point.x, point.values[0]) for point in chart.points] == [(30.0, 200.0), (50.0, 300.0)]


def test_several_differences_are_drawn_over_time() -> None:
    predictions = [price(2, 300.0), price(1, 200.0, age=30.0, work="emp")]
    chart = chart_of(predictions, compare(predictions))
    assert chart is not None
    assert [point.label for point in chart.points] == ["1 Mar", "2 Mar"]


def test_predictions_that_a_chart_would_call_alike_are_called_by_their_ids() -> None:
    same_minute = [replace(made(1, age=float(age)), public_id=f"P-{age}") for age in (30, 40)]
    predictions = [*same_minute, replace(made(2, work="emp"), public_id="P-2")]
    chart = chart_of(predictions, compare(predictions))
    assert chart is not None
    assert [point.label for point in chart.points] == ["P-30", "P-40", "2 Mar"]
    twice = [replace(price(day, 300.0, age=50.0), public_id=f"P-{day}") for day in (1, 2)]
    predictions = [*twice, price(3, 200.0, age=30.0)]
    chart = chart_of(predictions, compare(predictions))
    assert chart is not None
    assert [point.label for point in chart.points] == ["Age 30 years", "P-1", "P-2"]


def test_classes_are_grouped_bars_in_one_order() -> None:
    predictions = [made(), made(2, age=20.0)]
    chart = chart_of(predictions, compare(predictions))
    assert chart is not None
    assert (chart.kind, chart.series) == ("bars", ("Repays", "Defaults"))


def test_one_answer_alone_is_no_picture() -> None:
    predictions = [made(), replace(made(2, answer=None), failure="It failed.")]
    assert chart_of(predictions, compare(predictions)) is None


def test_bars_stand_as_high_as_their_share() -> None:
    predictions = [made(), made(2, age=20.0)]
    chart = chart_of(predictions, compare(predictions))
    assert chart is not None
    first = draw(chart).bars[0]
    assert first.height == pytest.approx((BOTTOM - TOP) * 0.834)
    assert first.y + first.height == pytest.approx(BOTTOM)


@pytest.mark.parametrize(("low", "high"), [(200, 300), (0, 0), (-3.2, 9.1), (1e-9, 3e-9), (7, 7)])
def test_the_scale_reaches_around_the_numbers_in_round_steps(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 6


def test_a_text_input_that_is_absent_in_the_baseline_is_no_difference_in_numbers() -> None:
    older = replace(made(), schema=InputSchema((AGE,)), inputs={"age": 34.0}, version="v3")
    comparison = compare([older, made(2)])
    assert {line.name for line in comparison.differing} == {"income", "home", "work"}
