"""The points of a curve, and its drawing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.explanations.curve_drawing import HEIGHT, WIDTH, draw, points_of
from model_host.protocol.explanation import Curve
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.models import ModelVersion, Target
from tests.factories import AGE, HOME, LOAN_TARGET, WORK

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

    points = points_of(feature, own)

    assert points == sorted(set(points))
    assert len(points) <= 26
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
    assert curve.low_text == f"{2**60 - 3:,}"


def test_a_hard_range_is_drawn_from_end_to_end() -> None:
    points = points_of(AGE, 34.0)

    assert (points[0], points[-1]) == (18.0, 100.0)
    assert 34.0 in points


@pytest.mark.parametrize(
    "feature", [HOME, WORK, FeatureSpec("x", "X", Kind.FLOAT, minimum=2, maximum=2)]
)
def test_what_cannot_vary_has_no_points(feature: FeatureSpec) -> None:
    assert points_of(feature, 2.0 if feature.is_number else None) == []


POINTS = [18.0, 34.0, 100.0]
CURVE = Curve("probability", label=0, numbers=(0.2, 0.5, 0.9))


def test_a_curve_says_what_it_shows_from_end_to_end_and_marks_the_own_point() -> None:
    view = draw(CURVE, POINTS, AGE, 34.0, [TARGET])

    assert view.sentence == "Probability of Repays from 20.0 % at 18 years to 90.0 % at 100 years."
    assert [point.is_own for point in view.points] == [False, True, False]
    assert view.own is not None
    assert " ".join(view.line.split()).split()[1] == ",".join(view.own)


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
