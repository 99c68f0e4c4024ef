"""One value as the versions of NumPy, SciPy and pandas write it: read as the same value from each.

What really each version wrote is in ``stacks/``; here are its forms one by one, and what is made of
them that no version writes.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest
import skops.io
from numpy.random import _pickle as ctors  # type: ignore[attr-defined]
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from flows.model_host.safe_load import load
from tests.flows.model_host.test_hostile_files import dumped, infected, refusal_of

NAMES_ONLY = (ctors.__generator_ctor, ctors.__randomstate_ctor, ctors.__bit_generator_ctor)
GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


class Reduced:
    """Pickles as it is told to."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


class AsNumPy1(pickle.Pickler):
    """Writes what makes random numbers as NumPy 1 does: by the name of its bit generator."""

    def reducer_override(self, value: Any) -> Any:
        generator, random_state, bit_generator = NAMES_ONLY
        if isinstance(value, np.random.RandomState):
            state = value.get_state(legacy=False)
            return random_state, (state["bit_generator"], bit_generator), state
        if isinstance(value, np.random.Generator):
            state = value.bit_generator.state
            return generator, (state["bit_generator"], bit_generator), state
        if isinstance(value, np.random.BitGenerator):
            return bit_generator, (value.state["bit_generator"],), value.state
        return NotImplemented


def as_numpy_1(model: Any) -> bytes:
    buffer = io.BytesIO()
    AsNumPy1(buffer, 4).dump(model)
    return buffer.getvalue()


def read(*values: Any, write: Any = dumped) -> list[Any]:
    """What the loader makes of the values, which stand in an attribute of a model."""
    found: list[Any] = load(write(infected(*values)), "joblib").estimator.extra_
    return found


# Random generators


def generators(kind: str) -> tuple[Any, ...]:
    """Two generators that have begun, with one half of a number left over."""
    generator, state = (
        cls(getattr(np.random, kind)(7)) for cls in (np.random.Generator, np.random.RandomState)
    )
    generator.random(3, dtype="f4")
    state.normal(size=3)
    return generator, state


@pytest.mark.parametrize("write", [dumped, as_numpy_1, skops.io.dumps])
@pytest.mark.parametrize("kind", GENERATORS)
def test_what_makes_random_numbers_goes_on_where_it_was(kind: str, write: Any) -> None:
    generator, state = generators(kind)

    found, found_state = read(generator, state, write=write)

    assert found.random(9).tolist() == generator.random(9).tolist()
    assert found_state.normal(size=9).tolist() == state.normal(size=9).tolist()


@pytest.mark.parametrize("write", [dumped, as_numpy_1])
@pytest.mark.parametrize("kind", GENERATORS)
def test_a_bit_generator_alone_goes_on_where_it_was(kind: str, write: Any) -> None:
    source = getattr(np.random, kind)(7)

    (found,) = read(source, write=write)

    assert found.random_raw(9).tolist() == source.random_raw(9).tolist()


def of(kind: str, **changed: Any) -> dict[str, Any]:
    return {**getattr(np.random, kind)(7).state, **changed}


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("Philox", of("Philox", buffer_pos=-9)),
        ("Philox", of("Philox", buffer_pos=5)),
        ("Philox", of("Philox", buffer_pos=2**70)),
        ("Philox", of("Philox", buffer=np.zeros(3, np.uint64))),
        ("Philox", of("Philox", state={"counter": np.zeros(4, np.uint64), "key": "key"})),
        ("SFC64", of("SFC64", state={"state": np.zeros(3, np.uint64)})),
        ("SFC64", of("SFC64", state={"state": np.zeros(4)})),
        ("SFC64", of("SFC64", has_uint32=7)),
        ("PCG64", of("PCG64", state={"state": 1.5, "inc": 1})),
        ("PCG64", of("PCG64", bit_generator="PCG64DXSM")),
        ("PCG64", {"bit_generator": "PCG64", "state": {"state": 1, "inc": 1}}),
        ("MT19937", {"bit_generator": "MT19937", "state": {"key": np.zeros(9, "u4"), "pos": 0}}),
        ("MT19937", of("MT19937", state={"key": np.zeros(624, np.uint32), "pos": 625})),
        ("os", {}),
        ("BitGenerator", {}),
        (np.ndarray, {}),
        (("MT19937",), {}),
    ],
)
def test_a_bit_generator_of_a_state_that_none_has_is_refused(kind: Any, state: Any) -> None:
    generator, random_state, bit_generator = NAMES_ONLY
    gauss = {"has_gauss": 0, "gauss": 0.0}
    for bent in (
        Reduced(bit_generator, (kind,), state),
        Reduced(generator, (kind,), state),
        Reduced(generator, (kind, bit_generator), state),
        Reduced(random_state, (kind, bit_generator), state | gauss),
    ):
        refusal_of(dumped(infected(bent)), "used with values that no honest file has")


def test_a_generator_by_name_is_refused_without_its_state_and_with_another_maker() -> None:
    generator, random_state, _ = NAMES_ONLY

    for made in (generator, random_state):
        refusal_of(
            dumped(infected(Reduced(made, ("PCG64",)))), "leaves an object without its state"
        )
        bent = Reduced(made, ("PCG64", np.max), of("PCG64"))
        refusal_of(dumped(infected(bent)), "`random generator` is used with values")


# Splines


@pytest.mark.parametrize("write", [dumped, skops.io.dumps])
@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
def test_a_spline_of_a_column_that_never_varied_opens_and_answers_the_same(
    extrapolation: Any, write: Any
) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 2))
    rows[:, 1] = 2024
    spline = SplineTransformer(extrapolation=extrapolation)
    model = make_pipeline(spline, LinearRegression()).fit(rows, rows[:, 0])
    asked = np.array([[0.1, 2024.0], [0.2, 2025.0], [0.2, -1e300]])

    found = load(write(model), "joblib").estimator

    assert found.predict(asked).tolist() == model.predict(asked).tolist()
