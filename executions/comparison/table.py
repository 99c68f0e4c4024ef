"""A comparison as rows of a CSV file: one for each field, with the differences beside. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from executions.comparison.differences import Compared, Line, compare


def table_rows(ids: Sequence[str], predictions: Sequence[Compared]) -> Iterator[list[Any]]:
    """The head, then a row for each field: a column for each prediction, named by its public id,
    and for each but the baseline how it differs. Values as stored: numbers whole, dot decimal."""
    yield ["field", *ids, *(f"difference {public_id}" for public_id in ids[1:])]
    yield ["version", *(one.version for one in predictions), *("" for _ in ids[1:])]
    yield ["submitted_at", *(one.at for one in predictions), *("" for _ in ids[1:])]
    comparison = compare(predictions)
    for line in comparison.result:
        yield [line.label.lower(), *_result_values(line, predictions), *_deltas(line)]
    for line in comparison.inputs:
        values = [one.schema.read(one.inputs).get(line.name) for one in predictions]
        yield [f"input.{line.name}", *values, *_deltas(line)]


def _result_values(line: Line, predictions: Sequence[Compared]) -> list[Any]:
    if line.label == "Prediction":
        return [
            cell.text if one.number is None else one.number
            for one, cell in zip(predictions, line.cells, strict=True)
        ]
    return [cell.text for cell in line.cells]


def _deltas(line: Line) -> list[str]:
    return [cell.delta for cell in line.cells[1:]]
