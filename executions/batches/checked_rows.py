"""The rows of a table as it was understood, each checked by the form's rules."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from config.text.csv_text import typed_text
from config.text.numbers import count_text
from executions.batches.checking import Problem, RowCheck, SourceRow
from executions.batches.contents import BatchRow
from executions.batches.tables import (
    Cell,
    DateCell,
    Row,
    cell_at,
    text_of,
)
from executions.batches.understanding import Understood, takes_texts
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.input_check import InputError
from models_registry.inputs.input_schema import CleanedInputs, InputSchema


@dataclass(frozen=True)
class CheckedRow:
    """One row of the table: its number and cells, and what the check made of it."""

    number: int
    cells: Sequence[Cell]
    outcome: BatchRow | Problem


def checked_rows(
    rows: Iterable[Row], understood: Understood, schema: InputSchema
) -> Iterator[CheckedRow]:
    """Yield every row of the table that is not empty, checked by the form's rules, in order."""
    choices = understood.choices
    header = choices.header or 0
    check = RowCheck(schema, decimal_mark=choices.mark or "", are_cells=True)
    columns = [
        (one.place, one.role[1:], schema.by_name[one.role[1:]])
        for one in understood.columns
        if one.role.startswith(".") and one.role[1:] in schema.by_name
    ]
    carried = [one.place for one in understood.carried]
    width = len(understood.columns)
    current: Row = 0, []

    def sources() -> Iterator[SourceRow]:
        nonlocal current
        for current in rows:
            number, cells = current
            if number <= header or not cells:
                continue
            raw = {name: given(feature, cell_at(cells, place)) for place, name, feature in columns}
            yield SourceRow(
                raw, tuple(_carried(cell_at(cells, place)) for place in carried), number
            )

    for outcome in check.of(sources()):  # one for each row, before the next is read
        number, cells = current
        if len(cells) > width and any(map(text_of, cells[width:])):
            source = SourceRow({}, (), number)
            yield CheckedRow(number, cells, _too_long(source, len(cells), width))
        else:
            yield CheckedRow(number, cells, outcome)


def given(feature: FeatureSpec, cell: Cell) -> Any:
    """Return a cell as a raw value of the input: a number of a spreadsheet is a text where the
    input takes texts."""
    if isinstance(cell, str):
        return typed_text(cell) if "'" in cell else cell
    if cell is None:
        return ""
    if isinstance(cell, DateCell) or (not feature.is_number and takes_texts(feature)):
        return text_of(cell)
    return cell


def _carried(cell: Cell) -> Scalar:
    if isinstance(cell, str):
        return typed_text(cell) if "'" in cell else cell
    return cell.text if isinstance(cell, DateCell) else cell


def _too_long(row: SourceRow, count: int, width: int) -> Problem:
    error = InputError(
        f"The row has {count_text(count)} cells for {count_text(width)} columns.",
        "Expected no cells beyond the last column",
    )
    return Problem(row, CleanedInputs({}, {"": error}))
