"""The points of a curve, and its drawing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.text.numbers import written_with
from executions.explanations.curve_drawing import HEIGHT, WIDTH, draw, points_of
from model_host.protocol.explanation import Curve
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.models import ModelVersion, Target
from tests.factories import AGE, HOME, INCOME, LOAN_TARGET, WORK

TARGET = Target.from_spec(ModelVersion(), 0, LOAN_TARGET)
bounds = st.none() | st.floats(-1e6, 1e6)


@given(low=bounds, high=bounds, typical=bounds, own=bounds, is_whole=st.booleans())
def test_points_lie_in_the_shown_range_and_hold_the_persons_own_value(
    low: float | None, high: float | None, typical: float | None, own: float | None, is_whole: bool
) -> None:
    if low is not None and high is not None and low > high:
        low, high = high, low
    if is_whole:
        own = None if own is None else round(own)
    feature = FeatureSpec(
        "x",
        "X",
        Kind.INTEGER if is_whole else Kind.FLOAT,
        soft_minimum=low,
        soft_maximum=high,
        typical=typical,
    )

    points = [point for point in points_of(feature, own) if isinstance(point, int | float)]

    assert len(points) == len(points_of(feature, own))
    assert points == sorted(set(points))
    assert len(points) <= 29
    if points and own is not None:
        assert own in points
    ends = [one for one in (low, high, own) if one is not None]
    for point in points:
        assert low is None or point >= min(ends) - 1e-6
        assert high is None or point <= max(ends) + 1e-6
        assert not is_whole or isinstance(point, int)


def test_whole_numbers_beyond_those_of_a_float_keep_their_digits() -> None:
    own = 2**60 + 1
    feature = FeatureSpec("x", "X", Kind.INTEGER, minimum=2**60 - 3, maximum=2**60 + 3)
    points = points_of(feature, own)
    assert points == list(range(2**60 - 3, 2**60 + 4))
    numbers = tuple(0.1 * n for n in range(7))
    curve = draw(Curve("value", numbers=numbers), points, feature, own, [TARGET])
    assert [point.is_own for point in curve.points].index(True) == 4
    assert [tick.text for tick in curve.ticks] == [f"{2**60 - 3:,}", f"{2**60 + 3:,}"]


def test_the_trained_range_is_drawn_and_not_the_hard_limits() -> None:
    missed = FeatureSpec(
        "x", "X", Kind.INTEGER, minimum=0, maximum=100, soft_minimum=0, soft_maximum=6
    )

    assert points_of(missed, 2) == [0, 1, 2, 3, 4, 5, 6]


def test_a_hard_range_is_drawn_from_end_to_end_where_no_trained_one_is_known() -> None:
    points = points_of(AGE, 34.0)

    assert (points[0], points[-1]) == (18.0, 100.0)
    assert 34.0 in points


def test_the_values_are_round_numbers_between_the_ends_of_the_range() -> None:
    points = points_of(INCOME, 41_500.0)

    assert points[:4] == [20_750.0, 22_000.0, 24_000.0, 26_000.0]


def test_values_fit_the_steps_of_the_input() -> None:
    feature = FeatureSpec("x", "X", Kind.FLOAT, minimum=0.5, maximum=6.5, step=0.75)

    for point in points_of(feature, 2.0):
        assert point == 2.0 or ((float(point) - 0.5) / 0.75).is_integer()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("feature", "own", "points"),
    [
        (HOME, True, [True, False]),
        (replace(HOME, requirement=Requirement.MAY_BE_MISSING), None, [True, False, None]),
        (WORK, "self", [value for value, _ in WORK.choices]),
        (replace(WORK, takes_others=True), "new", [*(value for value, _ in WORK.choices), "new"]),
    ],
)
def test_choices_and_yes_or_no_can_be_tried_too(
    feature: FeatureSpec, own: Scalar, points: list[Scalar]
) -> None:
    assert points_of(feature, own) == points


def test_of_many_choices_the_first_ones_and_the_own_one_are_tried() -> None:
    many = replace(WORK, choices=tuple((f"v{n}", f"V{n}") for n in range(200)))

    points = points_of(many, "v150")

    assert points == [*(f"v{n}" for n in range(25)), "v150"]


@pytest.mark.parametrize(
    "feature",
    [
        FeatureSpec("x", "X", Kind.STRING),
        FeatureSpec("x", "X", Kind.UNUSED),
        FeatureSpec("x", "X", Kind.FLOAT, minimum=2, maximum=2),
        FeatureSpec("x", "X", Kind.CHOICE, choices=(("a", "A"),)),
    ],
)
def test_what_cannot_vary_has_no_points(feature: FeatureSpec) -> None:
    known: dict[Kind, Scalar] = {Kind.FLOAT: 2.0, Kind.CHOICE: "a"}
    own = known.get(feature.kind)
    assert points_of(feature, own) == []


POINTS: list[Scalar] = [18.0, 34.0, 100.0]
CURVE = Curve("probability", label=0, numbers=(0.2, 0.5, 0.9))


def test_a_curve_says_what_it_shows_from_end_to_end_and_marks_the_own_point() -> None:
    view = draw(CURVE, POINTS, AGE, 34.0, [TARGET])

    assert view.sentence == "Probability of Repays from 20.0 % at 18 years to 90.0 % at 100 years."
    assert [point.is_own for point in view.points] == [False, True, False]
    assert view.own is not None
    assert " ".join(view.line.split()).split()[1] == ",".join(view.own)


def test_a_probability_is_drawn_between_0_and_100_percent_whatever_it_is() -> None:
    view = draw(
        Curve("probability", label=0, numbers=(0.94, 0.97, 1.0)), POINTS, AGE, 34.0, [TARGET]
    )

    assert view.levels == ("100 %", "75 %", "50 %", "25 %", "0 %")
    heights = [float(place.split(",")[1]) for place in view.line.split()]
    assert heights == pytest.approx([21.4, 16.7, 12.0], abs=0.1)


def test_a_number_is_drawn_among_the_outcomes_of_the_reference_data() -> None:
    euros = Target.from_spec(ModelVersion(), 0, TargetSpec("price", unit="€"))
    curve = Curve("value", numbers=(400_000.0, 410_000.0, 420_000.0))

    view = draw(curve, POINTS, AGE, 34.0, [euros], outcomes=(101_000.0, 899_000.0))

    assert view.levels == ("1,000,000", "500,000", "0")
    assert view.note == "Outcomes in the reference data are between € 101,000 and € 899,000."


def test_every_tick_has_one_label_and_lies_inside_the_axis() -> None:
    view = draw(CURVE, POINTS, AGE, 34.0, [TARGET])

    assert [tick.text for tick in view.ticks] == ["50", "100"]
    assert view.axis == "Age, years"
    assert all(0 < tick.x_percent < 100 for tick in view.ticks)


def test_numbers_are_written_as_the_person_writes_them() -> None:
    with written_with(","):
        view = draw(CURVE, [0.5, 1.25, 3.0], AGE, 1.25, [TARGET])

    assert [tick.text for tick in view.ticks] == ["1", "2", "3"]
    assert view.points[1].input_text == "1,25 years"
    assert view.points[1].answer_text == "50,0 %"


def test_choices_are_bars_that_begin_at_zero_and_mark_the_own_one() -> None:
    curve = Curve("probability", label=0, numbers=(0.8, 0.2))

    view = draw(curve, [True, False], HOME, False, [TARGET])

    assert (view.line, view.ticks) == ("", ())
    assert [
        (one.input_text, one.answer_text, one.width_percent, one.is_own) for one in view.points
    ] == [("Yes", "80.0 %", 80.0, False), ("No", "20.0 %", 20.0, True)]
    assert (
        view.sentence
        == "Probability of Repays is highest with Yes (80.0 %) and lowest with No (20.0 %)."
    )


def test_bars_of_numbers_leave_zero_to_their_side() -> None:
    view = draw(Curve("value", numbers=(-5.0, 10.0)), [True, False], HOME, True, [TARGET])

    down, up = view.points
    assert down.x_percent + down.width_percent == pytest.approx(up.x_percent)
    assert up.width_percent == pytest.approx(2 * down.width_percent)


def test_one_is_not_yes() -> None:
    both = replace(WORK, choices=((0, "None"), (1, "One")))

    assert points_of(both, 1) == [0, 1]
    assert points_of(replace(HOME, choices=()), 1) == [True, False, 1]


@given(st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3))
def test_every_point_lies_inside_the_drawing(numbers: list[float]) -> None:
    view = draw(Curve("value", numbers=tuple(numbers)), POINTS, AGE, 34.0, [TARGET])

    for place in view.line.split():
        x, y = map(float, place.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


def test_a_flat_line_stays_flat() -> None:
    flat = replace(CURVE, numbers=(0.5, 0.5 + 1e-9, 0.5))
    view = draw(flat, POINTS, AGE, None, [TARGET])

    assert len({place.split(",")[1] for place in view.line.split()}) == 1
    assert view.own is None
