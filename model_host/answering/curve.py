"""The curve of a model's answer over one input while all others stay. Runs in the locked child."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from model_host.answering.explanation import FAILED
from model_host.answering.one_row import one_row
from model_host.answering.prediction import undisturbed
from model_host.answering.quantity import NotExplainable, quantity_of, stacked
from model_host.answering.watching import asked_once
from model_host.protocol.explanation import Curve
from model_host.protocol.inputs import InputLayout, Scalar

MAX_POINTS = 100


def curve(
    estimator: Any,
    layout: InputLayout,
    inputs: Mapping[str, Scalar],
    name: str,
    points: Sequence[Scalar],
) -> Curve:
    """Return the model's number at each of the ``points`` of the input ``name``: the probability of
    the label it gives ``inputs`` themselves, or the value. A Curve with a ``problem`` says why
    there is none. MemoryError passes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with undisturbed(estimator, len(layout.columns)):
                row = one_row(estimator, layout, inputs)
                with asked_once(estimator, len(layout.columns)):
                    quantity = quantity_of(estimator, row)
                rows = [
                    one_row(estimator, layout, {**inputs, name: point})
                    for point in points[:MAX_POINTS]
                ]
                numbers = quantity.of(stacked(rows)).tolist()
        except NotExplainable as why:
            return Curve(problem=str(why))
        except MemoryError:
            raise
        except Exception:  # The model's code may raise anything; its words may quote inputs.
            return Curve(problem=FAILED)
    return Curve(quantity=quantity.kind, label=quantity.label, numbers=tuple(numbers))
