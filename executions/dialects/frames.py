"""MLflow's scorer: the rows of an invocation, and its answer. Pure.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/#inference-server-specification.
Rows come as JSON (``dataframe_split``, ``dataframe_records``, ``instances`` or ``inputs``) or as
CSV with a header. The answer is ``predictions``: what ``predict`` gives for each row, or with
``"params": {"details": true}`` an object of all columns for each.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.text.numbers import count_text
from executions.api.problems import Refused
from executions.dialects.columns import Column
from executions.dialects.rows import Raw, by_position, check_count, read_body
from models_registry.inputs.input_schema import InputSchema

JSON, CSV = "application/json", "text/csv"
FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")


@dataclass(frozen=True)
class Invocation:
    """The rows of a request; ``are_cells``: their values are texts of a file."""

    rows: list[Raw]
    are_cells: bool = False
    has_details: bool = False


def read_invocation(media_type: str, body: bytes, schema: InputSchema) -> Invocation:
    """Return what a request asks. Raises Refused."""
    if media_type == CSV:
        return Invocation(_csv_rows(body), are_cells=True)
    if media_type != JSON:
        raise Refused(415, f"Send the rows as {JSON} or {CSV}, and name it in Content-Type.")
    content = read_body(body)
    found = [key for key in FORMATS if key in content]
    if len(found) != 1 or content.keys() - {*found, "params"}:
        raise Refused(
            400, f"The body needs exactly one of {', '.join(FORMATS)}, and beside it only params."
        )
    readers = {
        "dataframe_split": _split, "dataframe_records": _records,
        "instances": _instances, "inputs": _inputs,
    }  # fmt: skip
    rows = readers[found[0]](content[found[0]], schema)
    check_count(len(rows))
    return Invocation(rows, has_details=_has_details(content.get("params")))


def _has_details(params: Any) -> bool:
    if params is None:
        return False
    if not isinstance(params, dict) or params.keys() - {"details"}:
        raise Refused(422, "“params” takes only “details”: true or false.")
    if not isinstance(params.get("details", False), bool):
        raise Refused(422, "“details” in “params” is true or false.")
    return bool(params.get("details"))


def _split(content: Any, schema: InputSchema) -> list[Raw]:
    if not isinstance(content, dict) or not _is_table(content.get("data")):
        raise Refused(400, "“dataframe_split” needs “columns”, and “data”: a list of rows.")
    data, columns = content["data"], content.get("columns")
    if columns is None:
        return _in_order(data, schema)
    _check_names(columns, "“columns” of “dataframe_split”")
    check_count(len(data))
    for number, row in enumerate(data, start=1):
        if len(row) != len(columns):
            raise _other_length(number, len(row), len(columns))
    return [dict(zip(columns, row, strict=True)) for row in data]


def _records(content: Any, schema: InputSchema) -> list[Raw]:
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise Refused(400, "“dataframe_records” must be a list of objects, one for each row.")
    return content


def _instances(content: Any, schema: InputSchema) -> list[Raw]:
    if not isinstance(content, list):
        raise Refused(400, "“instances” must be a list, with one entry for each row.")
    if all(isinstance(row, dict) for row in content):
        return [{name: _single(value) for name, value in row.items()} for row in content]
    rows = [row if isinstance(row, list) else [row] for row in content]
    return _in_order(rows, schema)


def _inputs(content: Any, schema: InputSchema) -> list[Raw]:
    """A list of values for each input, or rows in the model's order."""
    if isinstance(content, list):
        return _instances(content, schema)
    if not isinstance(content, dict) or not content:
        raise Refused(400, "“inputs” must be an object with a list of values for each input.")
    columns = {
        name: [_single(one) for one in values] if isinstance(values, list) else [values]
        for name, values in content.items()
    }
    counts = {len(values) for values in columns.values()}
    if len(counts) > 1:
        raise Refused(422, "The lists in “inputs” have different lengths. Fill each.")
    names = list(columns)
    check_count(counts.pop())
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _single(value: Any) -> Any:
    """[1.5] is 1.5: the shape [n, 1]."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _is_table(data: Any) -> bool:
    return isinstance(data, list) and all(isinstance(row, list) for row in data)


def _in_order(rows: Sequence[Any], schema: InputSchema) -> list[Raw]:
    check_count(len(rows))
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list):
            raise Refused(400, f"Row {count_text(number)} is no list of values.")
    return [
        by_position(row, schema, f"Row {count_text(number)}")
        for number, row in enumerate(rows, start=1)
    ]


def _csv_rows(body: bytes) -> list[Raw]:
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except UnicodeDecodeError:
        raise Refused(400, "The body is not UTF-8.") from None
    except csv.Error:
        raise Refused(400, "The body is no CSV: a quote is open, or a cell too long.") from None
    filled = [line for line in lines if line]
    check_count(len(filled) - 1 if filled else 0)
    header, *rows = filled
    _check_names(header, "The first line, which names the inputs,")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise _other_length(number, len(row), len(header))
    return [dict(zip(header, row, strict=True)) for row in rows]


def _check_names(names: Any, what: str) -> None:
    if not isinstance(names, list) or not all(isinstance(one, str) and one for one in names):
        raise Refused(400, f"{what} must name each column.")
    if len(set(names)) != len(names):
        raise Refused(422, f"{what} has a name twice.")


def _other_length(number: int, length: int, wanted: int) -> Refused:
    return Refused(
        422,
        f"Row {count_text(number)} has {count_text(length)} values and there are "
        f"{count_text(wanted)} columns.",
    )


def predictions(columns: Sequence[Column], *, has_details: bool) -> list[Any]:
    """Return an entry for each row: its prediction, a list of them where there are several outputs,
    or an object of all columns."""
    if has_details:
        return [
            {column.name: value for column, value in zip(columns, row, strict=True)}
            for row in zip(*(column.values for column in columns), strict=True)
        ]
    only = [one.values for one in columns if one.name.partition(".")[0] == "prediction"]
    return list(only[0]) if len(only) == 1 else [list(row) for row in zip(*only, strict=True)]
