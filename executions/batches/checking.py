"""The check of many rows by the form's own rules, each distinct value once.

There is no second rule set: a cell becomes a raw value as in the form's field, and the input schema
checks the row; only what a value gave before is remembered. Numbers in sentences are written for
the person in whose request the check is made.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from executions.batches.contents import BatchRow
from executions.forms import FIELDS
from executions.input_fields import InputField
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.input_check import CheckedValue, check_value
from models_registry.inputs.input_schema import CleanedInputs, InputSchema
from models_registry.inputs.pasted_row import given

REMEMBERED = 40_000
"""The number of distinct values of all inputs together that are remembered: about 20 MB."""


@dataclass(frozen=True)
class SourceRow:
    """A row of a file or a request: its raw values by the inputs' names, the cells to give back,
    and its number in the source, from 1."""

    raw: Mapping[str, Any]
    carried: tuple[Scalar, ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Problem:
    """A row that is not valid, and its check."""

    row: SourceRow
    cleaned: CleanedInputs


class RowCheck:
    """The check of rows against one schema. ``are_cells``: texts are what a person wrote, read as
    the form's fields read them; otherwise raw values are JSON, as they are."""

    def __init__(
        self, schema: InputSchema, *, decimal_mark: str = "", are_cells: bool = False
    ) -> None:
        self.schema = schema
        self.decimal_mark = decimal_mark
        self._enter = _entering(schema) if are_cells else {}
        self._most = max(1, REMEMBERED // max(1, len(schema.features)))
        self._known: dict[str, dict[Any, CheckedValue]] = {one.name: {} for one in schema.features}

    def clean(self, raw: Mapping[str, Any]) -> CleanedInputs:
        """Check one row, given by the inputs' names."""
        return self.schema.clean(raw, decimal_mark=self.decimal_mark, check=self._check)

    def of(self, rows: Iterable[SourceRow]) -> Iterator[BatchRow | Problem]:
        """Yield each row, checked, in its order."""
        names = [feature.name for feature in self.schema.features]
        for row in rows:
            cleaned = self.clean(row.raw)
            if cleaned.errors:
                yield Problem(row, cleaned)
                continue
            values = tuple(cleaned.values[name] for name in names)
            yield BatchRow(values, cleaned.warnings, row.carried, row.number)

    def _check(self, feature: FeatureSpec, raw: Any, decimal_mark: str) -> CheckedValue:
        known = self._known[feature.name]
        key = type(raw), raw
        try:
            found = known.get(key)
        except TypeError:  # a list or a mapping, which is no value
            return check_value(feature, raw, decimal_mark)
        if found is not None:
            return found
        enter = self._enter.get(feature.name)
        entered = enter(raw) if enter is not None and isinstance(raw, str) else raw
        checked = check_value(feature, entered, decimal_mark)
        # Minus zero equals zero, but is written otherwise.
        if len(known) < self._most and not (isinstance(raw, float) and raw == 0):
            known[key] = checked
        return checked


def _entering(schema: InputSchema) -> dict[str, Callable[[str], Any]]:
    """By input, what its field makes of a text; of more inputs than a form has fields, what the
    pasted row makes of it."""
    if len(schema.asked) > FIELDS:
        return {one.name: partial(given, one) for one in schema.asked}
    return {one.name: InputField(one, "cell").given for one in schema.asked}


def split(checked: Sequence[BatchRow | Problem]) -> tuple[list[BatchRow], list[Problem]]:
    """Return the rows that may run, and those with problems."""
    ready = [one for one in checked if isinstance(one, BatchRow)]
    return ready, [one for one in checked if isinstance(one, Problem)]
