"""The scale of a number, and the interval that is drawn in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.results.answer import IntervalText, read_answer
from executions.results.presentation import outcomes_of
from executions.results.scale import scale_of
from model_host.protocol.codec import stored
from model_host.protocol.outputs import Outputs
from models_registry.inputs.feature_spec import TargetSpec
from models_registry.models import ModelVersion, ReferenceData, Target
from models_registry.reference.reference_profile import read_reference
from tests.factories import make_version

finite = st.floats(allow_nan=False, allow_infinity=False)


def interval_of(
    low: float,
    value: float,
    high: float,
    *,
    unit: str = "€",
    outcomes: tuple[float, float] | None = None,
    source: str = "reference",
) -> IntervalText:
    interval = {"low": low, "high": high, "level": 0.9, "source": source}
    target = {"name": "price", "value": value, "interval": interval}
    outputs = stored(Outputs, {"task": "regression", "targets": [target]})
    spec = Target.from_spec(ModelVersion(), 0, TargetSpec("price", unit=unit))
    found = read_answer(outputs, [spec], outcomes=outcomes).interval
    assert found is not None
    return found


def test_an_interval_is_drawn_among_the_outcomes_of_the_reference_data() -> None:
    shown = interval_of(371_900.0, 412_300.0, 452_700.0, outcomes=(101_000.0, 899_000.0))

    assert shown.scale is not None
    assert (shown.scale.low_text, shown.scale.high_text) == ("€ 0", "€ 1,000,000")
    assert shown.scale.note == "Outcomes in the reference data are between € 101,000 and € 899,000."
    assert shown.places == pytest.approx((37.19, 45.27, 41.23))


def test_without_reference_data_the_scale_begins_at_zero_and_says_so() -> None:
    narrow = interval_of(407_000.0, 412_300.0, 417_600.0)
    wide = interval_of(112_300.0, 412_300.0, 712_300.0)

    assert narrow.scale is not None
    assert narrow.scale.note == "The scale begins at 0."
    assert narrow.places[1] - narrow.places[0] < (wide.places[1] - wide.places[0]) / 10


@pytest.mark.parametrize(
    ("low", "high", "note"),
    [
        (-9.0, -2.0, "The scale ends at 0."),
        (-2.0, 9.0, "The scale has 0 in the middle."),
    ],
)
def test_a_scale_below_zero_ends_there_or_has_it_in_the_middle(
    low: float, high: float, note: str
) -> None:
    scale = scale_of((low, high), None)

    assert scale is not None
    assert scale.note == note
    assert scale.percent(0.0) == (100.0 if high < 0 else 50.0)


@given(numbers=st.tuples(finite, finite, finite), outcomes=st.none() | st.tuples(finite, finite))
def test_every_scale_holds_its_numbers_in_their_order(
    numbers: tuple[float, float, float], outcomes: tuple[float, float] | None
) -> None:
    scale = scale_of(numbers, outcomes)

    if scale:
        places = [scale.percent(number) for number in sorted(numbers)]
        assert places == sorted(places)
        assert 0 <= places[0] <= places[-1] <= 100
        assert 2 <= len(scale.ticks) <= 7


def test_the_sentence_says_where_the_interval_comes_from_in_the_persons_words() -> None:
    cases = interval_of(371_900.0, 412_300.0, 452_700.0)
    own = interval_of(1.0, 3.0, 4.0, unit="km", source="model")

    assert cases.sentence == "90 of 100 comparable cases end between € 371,900 and € 452,700."
    assert (cases.name, cases.reach_text) == ("90 % interval", "± 40,400")
    assert own.sentence == "The model’s own 90 % interval is 1 to 4 km."
    assert own.reach_text == ""


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (67.312, 248.61, "67.3 to 248.6"),
        (118.0, 245.0, "118 to 245"),
        (-0.0004, 12.5, "0.00 to 12.50"),
        (371_949.0, 452_650.5, "371,900 to 452,700"),
        (1e-9, 2e-9, "1e-09 to 2e-09"),
    ],
)
def test_both_ends_of_an_interval_have_the_same_decimals(
    low: float, high: float, text: str
) -> None:
    assert interval_of(low, (low + high) / 2, high).text == text


@pytest.mark.parametrize(
    ("target", "expected"), [("price", (90.5, 700.25)), ("town", None), ("", None)]
)
def test_the_range_of_outcomes_is_that_of_the_column_that_holds_them(
    db: None, target: str, expected: tuple[float, float] | None
) -> None:
    version = make_version()
    rows = [b"age,town,price\n", b"1,Oslo,90.5\n", b"2,Bergen,700.25\n"]
    profile = read_reference(rows, target=target).profile.to_json()
    ReferenceData.objects.create(version=version, row_count=2, profile=profile)

    assert outcomes_of(version) == expected
    assert outcomes_of(make_version()) is None
