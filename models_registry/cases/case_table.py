"""The CSV table of saved test cases: a column for each input, and the expected answers.

Columns are inputs by name or label; ``expected``, or ``expected.<target>`` for each of several
targets; optional ``name`` and ``tolerance``. Where an input has one of those names, the column is
the input's, and ``case.name``, ``case.expected`` and ``case.tolerance`` mean the case's own.
Pure; values are checked by the input schema and nothing else.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from config.text.csv_text import typed_text
from config.text.json_text import shown
from config.text.numbers import count_text
from config.text.plain_text import unfit
from models_registry.cases.case_check import read_expected, written
from models_registry.inputs.feature_spec import MAX_TEXT_LENGTH, Scalar, TargetSpec
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.number_text import NumberProblem, parse_number
from models_registry.inputs.pasted_row import given

MAX_ROWS = 100
MAX_BYTES = 1024 * 1024
MAX_NAME = 100
MAX_COLUMNS = 2_500
MAX_ERRORS = 200
"""The maximum number of listed errors; more are only counted."""
_INPUT, _EXPECTED, _NAME, _TOLERANCE = "input", "expected", "name", "tolerance"


@dataclass(frozen=True)
class CaseRow:
    """One case of the table, checked."""

    name: str
    inputs: dict[str, Scalar]
    expected: list[Scalar]
    tolerance: float


@dataclass(frozen=True)
class CellError:
    """One error. ``row`` counts as a spreadsheet does: the heading is row 1; ``column`` is the
    heading's text, "" for the row as a whole."""

    row: int
    column: str
    message: str


@dataclass(frozen=True)
class CaseTable:
    """The cases of a file, or all its errors; never both."""

    cases: tuple[CaseRow, ...] = ()
    errors: tuple[CellError, ...] = ()


@dataclass(frozen=True)
class CaseColumns:
    """The columns of a version's table: its inputs, its targets, and its task."""

    schema: InputSchema
    targets: Sequence[TargetSpec]
    task: str

    @property
    def target_names(self) -> list[str]:
        """The heading of each target."""
        return [
            target.label or target.name or f"output {number}"
            for number, target in enumerate(self.targets, 1)
        ]

    @property
    def heading(self) -> list[str]:
        """The headings of a table that can be imported."""
        names = [feature.name for feature in self.schema.features]
        expected = [f"expected.{name}" for name in self.target_names]
        own = ["name", *(expected if len(expected) > 1 else ["expected"]), "tolerance"]
        own = [f"case.{one}" if one in names else one for one in own]
        return [own[0], *names, *own[1:]]

    def row(
        self, name: str, inputs: Mapping[str, Scalar], expected: Sequence[Scalar], tolerance: float
    ) -> list[Scalar]:
        """Return the cells of one case under ``heading``, in a form that parses to the same
        values."""
        values = [one.as_typed(inputs.get(one.name)) for one in self.schema.features]
        return [name, *values, *map(written, expected), written(tolerance)]


@dataclass
class _Heading:
    """The meaning of each column; ``errors`` if a heading is unknown or ambiguous."""

    inputs: dict[int, str] = field(default_factory=dict)
    expected: dict[int, int] = field(default_factory=dict)
    name: int | None = None
    tolerance: int | None = None
    errors: list[CellError] = field(default_factory=list)


def read_cases(
    text: str, columns: CaseColumns, *, taken: frozenset[str] = frozenset(), decimal_mark: str = ""
) -> CaseTable:
    """Parse the file: return every case, or every error in it. ``taken`` are the names of cases
    that exist."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        return CaseTable(errors=(CellError(1, "", "The table is larger than 1 MB."),))
    lines = _lines(text)
    if not lines or len(lines) == 1:
        return CaseTable(
            errors=(CellError(1, "", "The file needs a heading and at least one row."),)
        )
    titles = [title.strip() for title in lines[0][1]]
    if len(titles) > MAX_COLUMNS:
        message = (
            f"The heading has {count_text(len(titles))} columns. At most {MAX_COLUMNS} are read."
        )
        return CaseTable(errors=(CellError(1, "", message),))
    heading = _read_heading(titles, columns)
    if heading.errors:
        return _refused(heading.errors)
    rows = lines[1:]
    if len(rows) > MAX_ROWS:
        message = f"The file has more cases. At most {MAX_ROWS} are taken at once."
        return CaseTable(errors=(CellError(rows[MAX_ROWS][0], "", message),))
    errors: list[CellError] = []
    cases: list[CaseRow] = []
    names = set(taken)
    for number, cells in rows:
        if len(cells) > len(titles):
            message = f"The row has {len(cells)} values for {len(titles)} columns."
            errors.append(CellError(number, "", message))
            continue
        row = [*cells, *[""] * (len(titles) - len(cells))]
        if unusable := _unusable(number, row, titles, heading):
            errors.append(unusable)
            continue
        case, wrong = _read_row(number, row, titles, heading, columns, decimal_mark)
        if case.name in names:
            title = "" if heading.name is None else titles[heading.name]
            wrong.append(CellError(number, title, f"There is a case called “{case.name}” already."))
        names.add(case.name)
        cases.append(case)
        errors.extend(wrong)
    return _refused(errors) if errors else CaseTable(cases=tuple(cases))


def _refused(errors: Sequence[CellError]) -> CaseTable:
    """The errors, with shortened headings; those over the limit are only counted."""
    told = [
        replace(one, column=shown(one.column).strip("“”") if one.column else "")
        for one in errors[:MAX_ERRORS]
    ]
    if len(errors) > MAX_ERRORS:
        message = f"There are {count_text(len(errors) - MAX_ERRORS)} more errors in this file."
        told.append(CellError(errors[MAX_ERRORS].row, "", message))
    return CaseTable(errors=tuple(told))


def _unusable(
    number: int, row: Sequence[str], titles: Sequence[str], heading: _Heading
) -> CellError | None:
    """The first cell that no name and no answer could hold; those of inputs are checked as such."""
    for place, (title, cell) in enumerate(zip(titles, row, strict=True)):
        if place in heading.inputs:
            continue
        if len(cell) > MAX_TEXT_LENGTH:
            message = (
                f"A value of {count_text(len(cell))} characters; at most "
                f"{count_text(MAX_TEXT_LENGTH)} are taken."
            )
            return CellError(number, title, message)
        if character := unfit(cell):
            return CellError(
                number, title, f"The text holds a character that cannot be stored ({character})."
            )
    return None


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, with their numbers. The separator is the most frequent of , ;
    and tab in the heading."""
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    filled = (
        (number, [typed_text(cell) for cell in row])
        for number, row in enumerate(reader, 1)
        if any(cell.strip() for cell in row)
    )
    try:
        return list(islice(filled, MAX_ROWS + 2))  # the heading, and one row too many
    except csv.Error:
        return []


def _read_heading(titles: list[str], columns: CaseColumns) -> _Heading:
    heading = _Heading()
    names = {feature.name: feature.name for feature in columns.schema.features}
    labels: dict[str, list[str]] = {}
    for feature in columns.schema.features:
        labels.setdefault(feature.label.casefold(), []).append(feature.name)
    seen: set[str] = set()
    for place, title in enumerate(titles):
        alike = labels.get(title.casefold(), [])
        by_label = [name for name in alike if columns.schema.by_name[name].label == title] or alike
        own = title.casefold().removeprefix("case.")
        if title in names or len(by_label) == 1:
            name = names.get(title) or by_label[0]
            heading.inputs[place] = name
            meaning = f"{_INPUT} {name}"
        elif len(by_label) > 1:
            message = "Several inputs have this label. Use the input's name."
            heading.errors.append(CellError(1, title, message))
            continue
        elif own == _NAME:
            heading.name, meaning = place, _NAME
        elif own == _TOLERANCE:
            heading.tolerance, meaning = place, _TOLERANCE
        elif (target := _target_of(own, columns)) is not None:
            heading.expected[place] = target
            meaning = f"{_EXPECTED} {target}"
        else:
            shown = title or f"Column {place + 1}"
            heading.errors.append(CellError(1, shown, "The model has no such input."))
            continue
        if meaning in seen:
            heading.errors.append(CellError(1, title, "There are two such columns."))
        seen.add(meaning)
    missing = set(range(len(columns.targets) or 1)) - set(heading.expected.values())
    if missing:
        wanted = [one for one in columns.heading if "expected" in one.casefold()]
        message = f"The expected answer is missing: {', '.join(wanted)}."
        heading.errors.append(CellError(1, "", message))
    return heading


def _target_of(title: str, columns: CaseColumns) -> int | None:
    """The place of the target that a heading names, in lower case without ``case.``."""
    if title == _EXPECTED:
        return 0 if len(columns.targets) <= 1 else None
    prefix, _, named = title.partition(".")
    if prefix != _EXPECTED:
        return None
    known = [{name.casefold()} for name in columns.target_names]
    for place, target in enumerate(columns.targets):
        known[place].add(target.name.casefold())
    return next((place for place, names in enumerate(known) if named in names - {""}), None)


def _read_row(
    number: int,
    row: list[str],
    titles: list[str],
    heading: _Heading,
    columns: CaseColumns,
    decimal_mark: str,
) -> tuple[CaseRow, list[CellError]]:
    errors: list[CellError] = []
    known = columns.schema.by_name
    raw = {name: given(known[name], row[place]) for place, name in heading.inputs.items()}
    cleaned = columns.schema.clean(raw, decimal_mark=decimal_mark)
    title_of = {name: titles[place] for place, name in heading.inputs.items()}
    for name, error in cleaned.errors.items():
        errors.append(CellError(number, title_of.get(name, name), str(error)))
    expected: list[Scalar] = [None] * max(len(columns.targets), 1)
    for place, target in heading.expected.items():
        classes = columns.targets[target].class_labels if columns.targets else ()
        value = read_expected(
            row[place], task=columns.task, classes=classes, decimal_mark=decimal_mark
        )
        if isinstance(value, NumberProblem):
            errors.append(CellError(number, titles[place], value.message))
        else:
            expected[target] = value
    tolerance = 0.0
    if heading.tolerance is not None and row[heading.tolerance].strip():
        read = parse_number(row[heading.tolerance], decimal_mark=decimal_mark)
        if isinstance(read, NumberProblem) or read < 0:
            message = "Expected a number of 0 or more."
            errors.append(CellError(number, titles[heading.tolerance], message))
        else:
            tolerance = read
    name = row[heading.name].strip() if heading.name is not None else ""
    if len(name) > MAX_NAME or not name.isprintable():
        title = titles[heading.name or 0]
        errors.append(CellError(number, title, f"A name has at most {MAX_NAME} characters."))
    return CaseRow(name or f"Row {number}", dict(cleaned.values), expected, tolerance), errors
