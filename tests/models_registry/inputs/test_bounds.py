"""The bound that refuses a value which a step of the model lost."""

from dataclasses import replace

import pytest

from model_host.answering.lost_numbers import _DOMAINS, _NOT_0, _TOO_LARGE
from models_registry.inputs.bounds import Bound, bound_against
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Scalar

ABOVE_0 = "Visitors: a number above 0 is expected"
VISITORS = FeatureSpec("visitors", "Visitors", Kind.INTEGER)
AREA = FeatureSpec("area", "Area", Kind.FLOAT)


def number(found: Bound | None) -> tuple[str, int | float] | None:
    return None if found is None else (found.field, found.value)


@pytest.mark.parametrize(
    ("said", "value", "bound"),
    [
        (ABOVE_0, 0, ("minimum", 1)),
        (ABOVE_0, -4, ("minimum", 1)),
        (
            "Visitors = 0 became -inf in step log (a number above -1 is expected).",
            -1,
            ("minimum", 0),
        ),
        ("a number of 0 or more is expected", -3, ("minimum", 0)),
        ("a number of 1 or more is expected", 0, ("minimum", 1)),
        ("a number from -1 to 1 is expected", 4, ("maximum", 1)),
        ("a number from -1 to 1 is expected", -4, ("minimum", -1)),
        ("a number between -1 and 1 is expected", 1, ("maximum", 0)),
        ("a number between 0 and 2 is expected", 0, ("minimum", 1)),
    ],
)
def test_a_whole_number_is_bound_at_the_next_that_the_step_accepts(
    said: str, value: int, bound: tuple[str, int]
) -> None:
    assert number(bound_against(VISITORS, value, said)) == bound


def test_a_number_is_bound_where_the_step_begins_to_accept() -> None:
    said = "a number of 0 or more is expected"
    assert number(bound_against(AREA, -0.5, said)) == ("minimum", 0.0)


def test_where_the_limit_itself_is_lost_the_trained_range_is_the_bound() -> None:
    trained = replace(AREA, soft_minimum=12.5)
    found = bound_against(trained, 0.0, ABOVE_0)
    assert number(found) == ("minimum", 12.5)
    assert found
    assert found.why == (
        "The step accepts every number above 0; this is the smallest that the model was trained "
        "with."
    )


def test_without_a_trained_range_the_bound_is_a_millionth_from_the_limit() -> None:
    found = bound_against(replace(AREA, soft_minimum=0.0), 0.0, ABOVE_0)
    assert number(found) == ("minimum", 1e-6)
    assert found
    assert found.why.startswith("The step accepts every number above 0, but not that")


def test_a_step_of_the_input_is_the_bound_above_0() -> None:
    assert number(bound_against(replace(AREA, step=0.25), 0.0, ABOVE_0)) == ("minimum", 0.25)


def test_0_alone_is_refused_only_on_one_side_of_the_range() -> None:
    said = "a number other than 0 is expected"
    assert bound_against(AREA, 0.0, said) is None
    assert number(bound_against(replace(VISITORS, minimum=0), 0, said)) == ("minimum", 1)
    assert number(bound_against(replace(VISITORS, soft_maximum=0), 0, said)) == ("maximum", -1)


def test_where_nothing_is_known_of_the_step_the_trained_range_refuses_a_value_beyond_it() -> None:
    trained = replace(AREA, soft_minimum=10.0, soft_maximum=700.0)
    said = "it became infinite in step power"
    assert number(bound_against(trained, 9e9, said)) == ("maximum", 700.0)
    assert number(bound_against(trained, -1.0, said)) == ("minimum", 10.0)
    assert bound_against(trained, 300.0, said) is None
    assert bound_against(AREA, 9e9, said) is None


@pytest.mark.parametrize("value", [None, "many", True])
def test_only_a_number_of_a_number_input_has_a_bound(value: Scalar) -> None:
    assert bound_against(VISITORS, value, ABOVE_0) is None
    assert bound_against(FeatureSpec("word", "Word", Kind.STRING), 0, ABOVE_0) is None


def test_a_bound_that_leaves_no_value_is_none() -> None:
    assert bound_against(replace(VISITORS, maximum=0), 0, ABOVE_0) is None


def test_a_bound_is_said_in_words() -> None:
    found = bound_against(VISITORS, 0, ABOVE_0)
    assert found is not None
    assert (found.words, found.why) == (
        "minimum 1",
        "It is the smallest whole number that the step accepts.",
    )


@pytest.mark.parametrize("said", sorted(set(_DOMAINS.values())))
def test_every_requirement_of_the_model_host_is_understood(said: str) -> None:
    trained = replace(AREA, minimum=0.0, soft_minimum=0.25, soft_maximum=0.75)
    beyond = {_NOT_0: 0.0, _TOO_LARGE: 1e300, "a number closer to 0 is expected": 1e300}
    found = bound_against(trained, beyond.get(said, -7.0), said)
    assert found is not None
