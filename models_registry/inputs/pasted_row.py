"""The inputs of one prediction as a pasted table row, for models with more inputs than a form has
fields. Pure.

A row comes from a spreadsheet or a CSV file, with the line of column names above it or without, or
is one JSON object of names and values. This module only splits it; the input schema checks it.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from config.text.numbers import count_text
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, Scalar
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.number_text import typed

MAX_CHARACTERS = 1_000_000
NAMED = 5
NOT_KNOWN = frozenset({"na", "n/a", "nan", "null"})
"""The texts for "missing" in a column of numbers, beside an empty cell."""

_COMMA = re.compile(
    r"[+-]?(?:[0-9]*,(?:[0-9]{1,2}|[0-9]{4,})|(?:0?|[0-9]{4,}),[0-9]+"
    r"|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[0-9]{1,3}(?:\.[0-9]{3}){2,})"
)
_POINT = re.compile(
    r"[+-]?(?:[0-9]*\.(?:[0-9]{1,2}|[0-9]{4,})|(?:0?|[0-9]{4,})\.[0-9]+"
    r"|[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[0-9]{1,3}(?:,[0-9]{3}){2,})"
)
"""A number whose mark can only be the decimal mark."""
_GROUPING = re.compile(r"(?<=[0-9])[\s'’](?=[0-9]{3})")


@dataclass(frozen=True)
class PastedRow:
    """The raw values by name and their decimal mark; ``ignored`` are columns that the model does
    not have. If the text is not a row, ``problem`` says why."""

    values: Mapping[str, Any] = field(default_factory=dict)
    decimal_mark: str = ""
    ignored: tuple[str, ...] = ()
    problem: str = ""


def read_row(text: str, schema: InputSchema, decimal_mark: str) -> PastedRow:
    """Parse a pasted row into values by name. Without column names the values stand in the model's
    own order."""
    text = text.strip("\r\n")
    if len(text) > MAX_CHARACTERS:
        return PastedRow(problem=f"A row has at most {count_text(MAX_CHARACTERS)} characters.")
    if not text.strip():
        return PastedRow(decimal_mark=decimal_mark)
    if text.lstrip().startswith("{"):
        return _read_object(text, schema)
    separator = max("\t;,", key=text.partition("\n")[0].count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        return PastedRow(problem=f"This cannot be read as a row: {error}.")
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    if len(lines) > 2 and lines[0] == lines[1]:  # pasted below the names that were in the field
        del lines[0]
    names, cells = (lines[0], lines[1]) if len(lines) == 2 else ([], lines[0] if lines else [])
    if len(lines) > 2:
        return PastedRow(
            problem=f"These are {len(lines)} lines. Paste one row, with the line of column names "
            "above it or without."
        )
    row = _by_name(names, cells, schema) if names else _by_place(cells, schema)
    # Between commas a number has a point.
    mark = "." if separator == "," else _mark(row.values, schema, decimal_mark)
    return replace(row, decimal_mark=mark)


def _read_object(text: str, schema: InputSchema) -> PastedRow:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        return PastedRow(problem="This begins like a JSON object, but is not valid JSON.")
    return replace(_known(values, schema), decimal_mark=".")


def _by_place(cells: Sequence[str], schema: InputSchema) -> PastedRow:
    """All inputs, or those that the model uses, in the model's order."""
    asked = [feature for feature in schema.features if feature.is_asked]
    for features in (schema.features, asked):
        if len(cells) == len(features):
            values = {one.name: cell for one, cell in zip(features, cells, strict=True)}
            return _known(values, schema)
    names = {one.name for one in schema.features} | {one.label for one in schema.features}
    if sum(cell.strip() in names for cell in cells) > len(cells) / 2:
        return PastedRow(problem="This is the line of column names. Paste the row beneath it, too.")
    return PastedRow(
        problem=f"The row has {count_text(len(cells))} values, the model takes "
        f"{count_text(len(schema.features))}. "
        "Paste the line of column names above it, or every value in the model's order."
    )


def _by_name(names: Sequence[str], cells: Sequence[str], schema: InputSchema) -> PastedRow:
    if len(names) != len(cells):
        return PastedRow(
            problem=f"There are {count_text(len(names))} column names and "
            f"{count_text(len(cells))} values."
        )
    labels = {feature.label: feature.name for feature in reversed(schema.features)}
    known = schema.by_name
    values: dict[str, Any] = {}
    for title, cell in zip(names, cells, strict=True):
        bare = title.strip()
        name = next((one for one in (title, bare) if one in known), labels.get(bare, title))
        if name in values:
            return PastedRow(problem=f"The column “{name[:60]}” appears twice.")
        values[name] = cell
    if not values.keys() & known.keys():
        return PastedRow(problem="None of the column names is an input of the model.")
    return _known(values, schema)


def _known(values: Mapping[str, Any], schema: InputSchema) -> PastedRow:
    known = schema.by_name
    return PastedRow(
        {name: given(known[name], value) for name, value in values.items() if name in known},
        ignored=tuple(name for name in values if name not in known and name.strip()),
    )


def given(feature: FeatureSpec, value: Any) -> Any:
    """Return a cell of a table as a value; None if it is a missing value."""
    if not isinstance(value, str):
        return value
    if feature.is_number:
        return None if value.strip().lower() in NOT_KNOWN else value
    is_needed = feature.requirement is Requirement.REQUIRED and feature.kind is not Kind.STRING
    return value if value.strip() or is_needed else None


def _mark(values: Mapping[str, Any], schema: InputSchema, decimal_mark: str) -> str:
    """The decimal mark of a row: the one that some of its numbers can only contain as a decimal
    mark, else the person's own."""
    known = schema.by_name
    marks = marks_of(str(cell) for name, cell in values.items() if known[name].is_number)
    return next(iter(marks)) if len(marks) == 1 else decimal_mark


def marks_of(numbers: Iterable[str]) -> dict[str, str]:
    """Return the decimal marks that some of the numbers can only contain as such, each with the
    first of those numbers: {",": "1,5"}."""
    found: dict[str, str] = {}
    for text in map(str.strip, numbers):
        bare = _GROUPING.sub("", text)
        if _COMMA.fullmatch(bare):
            found.setdefault(",", text)
        elif _POINT.fullmatch(bare):
            found.setdefault(".", text)
    return found


def written_row(schema: InputSchema, values: Mapping[str, Scalar], decimal_mark: str) -> str:
    """Return the line of column names and the row, as ``read_row`` reads it: tabs between, as
    spreadsheets copy and paste."""
    asked = [feature for feature in schema.features if feature.is_asked]
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow([feature.name for feature in asked])
    if any(values.get(feature.name) is not None for feature in asked):
        writer.writerow([_cell(one, values.get(one.name), decimal_mark) for one in asked])
    return text.getvalue()


def _cell(feature: FeatureSpec, value: Scalar, decimal_mark: str) -> str:
    text = feature.as_typed(value)
    return typed(text, decimal_mark) if feature.is_number else text
