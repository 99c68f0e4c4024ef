"""The check of an answer against a saved test case. Pure.

Expected values are in the order of the targets. Numbers of a regressor may differ by the tolerance,
and by 1e-9 relative in any case; everything else must be equal.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from config.text.json_text import shown
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs
from models_registry.inputs.feature_spec import choice_text, same_value
from models_registry.inputs.number_text import NumberProblem, is_whole, parse_number

RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Difference:
    """A target, by its position, whose answer differs from the expected one. ``found`` is None if
    the model has no such target, ``expected`` if the case does not have it."""

    target: int
    expected: Scalar
    found: Scalar


def found_values(outputs: Outputs) -> list[Scalar]:
    """Return the model's answer, one value for each target."""
    return [target.text or target.value for target in outputs.targets]


def differences(
    expected: Sequence[Scalar], outputs: Outputs, tolerance: float
) -> tuple[Difference, ...]:
    """Return the differences from the expected answer; empty if the case passes."""
    found = found_values(outputs)
    is_number = outputs.task == "regression"
    count = max(len(expected), len(found))
    pairs = [
        (
            expected[place] if place < len(expected) else None,
            found[place] if place < len(found) else None,
        )
        for place in range(count)
    ]
    return tuple(
        Difference(place, wanted, said)
        for place, (wanted, said) in enumerate(pairs)
        if not (_is_near(wanted, said, tolerance) if is_number else same_value(wanted, said))
    )


def _is_near(expected: Scalar, found: Scalar, tolerance: float) -> bool:
    if not _is_number(expected) or not _is_number(found):
        return same_value(expected, found)
    return abs(expected - found) <= tolerance or math.isclose(  # type: ignore[operator]
        expected,  # type: ignore[arg-type]
        found,  # type: ignore[arg-type]
        rel_tol=RELATIVE_TOLERANCE,
    )


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_expected(
    text: str, *, task: str, classes: Sequence[tuple[Scalar, str]], decimal_mark: str = ""
) -> Scalar | NumberProblem:
    """Parse an expected answer as a person writes it: a number as in any form for a regressor; a
    class by its label or itself where ``classes`` (value, label) are known, case forgiven; else the
    text."""
    if task == "regression":
        return parse_number(text, decimal_mark=decimal_mark)
    plain = text.strip()
    if not plain:
        return NumberProblem("An answer is needed.")
    for matches in (_is_label, _is_value, _is_alike):
        for value, label in classes:
            if matches(plain, value, label):
                return value
    if classes:
        labels = ", ".join(label for _, label in classes[:10])
        return NumberProblem(
            f"{shown(plain)} is not an answer of this model. Expected one of: {labels}."
        )
    if task == "classification":
        return plain
    number = parse_number(plain, decimal_mark=decimal_mark)
    if isinstance(number, NumberProblem):
        return plain
    return int(number) if is_whole(number) else number


def _is_label(text: str, value: Scalar, label: str) -> bool:
    return text == label


def _is_value(text: str, value: Scalar, label: str) -> bool:
    return text == written(value)


def _is_alike(text: str, value: Scalar, label: str) -> bool:
    return text.casefold() in {label.casefold(), written(value).casefold()}


def written(value: Scalar) -> str:
    """Format a value so that it parses to the same value."""
    return "" if value is None else choice_text(value)
