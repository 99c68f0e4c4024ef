"""What a table that a person brought was understood as, before anything runs.

Each choice is a proposal that the page shows with its reason, and that the person may change:
separator, encoding, sheet, the row with the names, the decimal mark, and what each column is.
"""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from typing import Any

from config.text.csv_text import typed_text
from config.text.numbers import count_text, written
from executions.batches.tables import (
    SAMPLE_BYTES,
    Cell,
    Chunks,
    DateCell,
    Row,
    SheetFacts,
    TableUnreadable,
    cell_at,
    encoding_of,
    is_spreadsheet,
    separator_of,
    sheet_rows,
    text_of,
    text_rows,
)
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.pasted_row import marks_of

LOOKED_AT = 1_000
"""The first rows, from which a table is understood."""
SHOWN = 5
CARRIED, LEFT_OUT = "=", ""
"""What a column is that is no input: given back beside the result, or left out. An input's column
is "." and its name."""
PROBLEM = "problem"
"""The column that is added to the rows with problems, and left out when they come back."""
_NAMES = {",": "comma", ".": "point"}


@dataclass(frozen=True)
class Choices:
    """How a table is read, as it is stored with the file. ``header`` is the row with the names, 0
    where there is none; ``mark`` the decimal mark of numbers that are texts, "" where each number
    says it itself; ``roles`` what each column is."""

    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    header: int | None = None
    mark: str | None = None
    roles: tuple[str, ...] | None = None

    @classmethod
    def stored(cls, kept: Mapping[str, Any]) -> "Choices":
        roles = kept.get("roles")
        return cls(**{**kept, "roles": None if roles is None else tuple(roles)})

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"roles": None if self.roles is None else list(self.roles)}


@dataclass(frozen=True)
class Column:
    """A column: its title, its role, and the first values as texts. ``name`` is its title made
    unique, for the result."""

    place: int
    title: str
    name: str
    role: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Understood:
    """A table with all choices made, the reasons for them, and its first rows. ``problems`` must be
    mended before rows are checked."""

    choices: Choices
    columns: tuple[Column, ...]
    sheets: tuple[tuple[str, bool], ...] = ()
    first: tuple[tuple[int, tuple[str, ...]], ...] = ()
    mark_reason: str = ""
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def is_sheet(self) -> bool:
        return bool(self.sheets)

    @property
    def carried(self) -> list[Column]:
        return [one for one in self.columns if one.role == CARRIED]

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.columns]


@contextmanager
def reading(chunks: Chunks, choices: Choices) -> Iterator[tuple[SheetFacts | None, Iterator[Row]]]:
    """Read the table as it was chosen: what a workbook says of itself, and the rows."""
    if choices.encoding:
        yield None, text_rows(chunks, encoding=choices.encoding, separator=choices.separator)
        return
    with sheet_rows(chunks, choices.sheet) as found:
        yield found


@contextmanager
def understanding(
    chunks: Chunks, schema: InputSchema, *, choices: Choices, is_utf8: bool, decimal_mark: str
) -> Iterator[tuple[Understood, Iterator[Row]]]:
    """Complete the ``choices`` by the table's first rows; yield what it was understood as, and all
    its rows, read as they are taken. ``decimal_mark`` is that of the person's number format. Raises
    TableUnreadable, ReaderBusy."""
    head = b"".join(_first_bytes(chunks))
    if not head.strip():
        raise TableUnreadable("The file is empty.")
    known = _known(schema)
    if is_spreadsheet(head):
        choices = replace(choices, encoding="", separator="")
    else:
        encoding = choices.encoding or encoding_of(head, is_utf8=is_utf8)
        separator = choices.separator
        if not separator:
            sample = codecs.getincrementaldecoder(encoding)("replace").decode(head)
            separator = separator_of(sample.lstrip("\ufeff"), lambda cell: _bare(cell) in known)
        choices = replace(choices, encoding=encoding, separator=separator)
    with reading(chunks, choices) as (facts, rows):
        looked_at = list(islice(rows, LOOKED_AT))
        table = _understood(choices, facts, looked_at, schema, known, decimal_mark)
        yield table, chain(looked_at, rows)


def _understood(
    choices: Choices,
    facts: SheetFacts | None,
    rows: list[Row],
    schema: InputSchema,
    known: dict[str, list[str]],
    decimal_mark: str,
) -> Understood:
    filled = [(number, cells) for number, cells in rows if cells]
    if not filled:
        raise TableUnreadable(
            "The sheet has no cells. Choose another sheet."
            if facts and len(facts.sheets) > 1
            else "The file has no cells."
        )
    header = choices.header
    if header is None:
        header = _header_of(filled, known, schema)
    titles = next((cells for number, cells in filled if number == header), [])
    body = [(number, cells) for number, cells in filled if number > header]
    width = max(len(titles), *(len(cells) for _, cells in filled))
    columns, notes = _columns(titles, width, body, schema, known, choices.roles)
    mark, reason = _mark(columns, body, schema, choices.mark, decimal_mark)
    choices = replace(
        choices,
        sheet=facts.sheet if facts else "",
        header=header,
        mark=mark,
        roles=tuple(one.role for one in columns),
    )
    notes += _facts_notes(facts) + _cell_notes(columns, body, schema)
    problems, unused = _missing(columns, schema)
    if not body:
        problems = [*problems, "There is no row below the names."]
    return Understood(
        choices=choices,
        columns=columns,
        sheets=facts.sheets if facts else (),
        first=tuple(
            (number, tuple(_shown(cell_at(cells, place)) for place in range(width)))
            for number, cells in body[:SHOWN]
        ),
        mark_reason=reason,
        notes=tuple(notes),
        problems=tuple(problems),
        unused=tuple(unused),
    )


def _shown(cell: Cell) -> str:
    """A cell as the page shows it: a number in the reader's notation."""
    return written(text_of(cell)) if isinstance(cell, float) else text_of(cell)


def _first_bytes(chunks: Chunks) -> Iterator[bytes]:
    size = 0
    for chunk in chunks():
        yield chunk[: SAMPLE_BYTES - size]
        size += len(chunk)
        if size >= SAMPLE_BYTES:
            return


def _bare(title: str) -> str:
    return typed_text(title).strip().casefold()


def _known(schema: InputSchema) -> dict[str, list[str]]:
    """The inputs by name and by label, in lower case; several inputs may have one label."""
    found: dict[str, list[str]] = {}
    for feature in schema.features:
        for text in {feature.name.strip().casefold(), feature.label.strip().casefold()}:
            found.setdefault(text, []).append(feature.name)
    return found


def _header_of(rows: list[Row], known: Mapping[str, Any], schema: InputSchema) -> int:
    """The row with the names: of the first ten the one that names most inputs; else the first, if
    it is not one of values."""
    named = {
        number: sum(_bare(text_of(cell)) in known for cell in cells) for number, cells in rows[:10]
    }
    best = max(named, key=lambda number: (named[number], -number))
    if named[best]:
        return best
    number, cells = rows[0]
    has_number = any(isinstance(cell, int | float) or marks_of([text_of(cell)]) for cell in cells)
    has_digits = any(text_of(cell).strip().isdecimal() for cell in cells)
    return 0 if has_number or has_digits else number


def _columns(
    titles: Sequence[Cell],
    width: int,
    body: list[Row],
    schema: InputSchema,
    known: dict[str, list[str]],
    roles: tuple[str, ...] | None,
) -> tuple[tuple[Column, ...], list[str]]:
    """The columns with what each is: what the person chose, else the input that its title names, by
    name before label, and only where no other column has as good a claim."""
    texts = [typed_text(text_of(cell_at(titles, place))).strip() for place in range(width)]
    notes: list[str] = []
    if roles is None or len(roles) != width:
        roles, notes = _proposed(texts, schema, known, has_titles=bool(titles))
    seen: dict[str, int] = {}
    columns = []
    for place, text in enumerate(texts):
        title = text or f"Column {place + 1}"
        seen[title] = seen.get(title, 0) + 1
        name = title if seen[title] == 1 else f"{title} ({seen[title]})"
        values = tuple(text_of(cell_at(cells, place)) for _, cells in body[:SHOWN])
        columns.append(Column(place, title, name, roles[place], values))
    doubled = sorted(title for title, count in seen.items() if count > 1)
    if doubled:
        quoted = ", ".join(f"“{title[:60]}”" for title in doubled[:5])
        notes.append(f"Several columns have the same name: {quoted}. The later ones get a number.")
    return tuple(columns), notes


def _proposed(
    texts: Sequence[str], schema: InputSchema, known: dict[str, list[str]], *, has_titles: bool
) -> tuple[tuple[str, ...], list[str]]:
    if not has_titles:
        asked = list(schema.features)
        if len(texts) != len(asked):
            asked = [one for one in schema.features if one.is_asked]
        if len(texts) == len(asked):
            note = "The file has no names. The columns were taken in the model’s own order."
            return tuple(f".{one.name}" for one in asked), [note]
        return tuple(LEFT_OUT for _ in texts), ["The file has no names. Choose each column."]
    names = [_input_of(text, schema, known) for text in texts]
    notes = []
    for name in dict.fromkeys(filter(None, names)):
        if names.count(name) > 1:
            label = schema.by_name[name].label
            notes.append(f"{names.count(name)} columns may be {label}. Choose one of them.")
    roles = []
    for text, name in zip(texts, names, strict=True):
        if name and names.count(name) == 1:
            roles.append(f".{name}")
        else:
            roles.append(LEFT_OUT if text.casefold() == PROBLEM or not text else CARRIED)
    return tuple(roles), notes


def _input_of(text: str, schema: InputSchema, known: dict[str, list[str]]) -> str:
    if text in schema.by_name:
        return text
    found = known.get(text.casefold(), [])
    return found[0] if len(found) == 1 else ""


def _mark(
    columns: Sequence[Column],
    body: list[Row],
    schema: InputSchema,
    chosen: str | None,
    own: str,
) -> tuple[str, str]:
    """The decimal mark of numbers that are texts, and why: the one that some of them can only
    contain as such, else that of the person's number format."""
    places = [
        one.place
        for one in columns
        if one.role.startswith(".")
        and one.role[1:] in schema.by_name
        and schema.by_name[one.role[1:]].is_number
    ]
    cells = (cell_at(row, place) for _, row in body for place in places)
    marks = marks_of(cell for cell in cells if isinstance(cell, str))
    if len(marks) == 1:
        ((mark, text),) = marks.items()
        reason = f"{text} can only have a decimal {_NAMES[mark]}."
        if chosen is not None and chosen != mark:
            reason = f"But {reason}"
    elif marks:
        mark, reason = "", f"The file has both: {marks[',']} and {marks['.']}."
    elif own:
        mark, reason = own, "The first rows do not tell; this is your own number format."
    else:
        mark, reason = "", "The first rows do not tell. A number such as 1,234 is asked about."
    return (mark if chosen is None else chosen), reason


def _facts_notes(facts: SheetFacts | None) -> list[str]:
    if facts is None:
        return []
    notes = []
    hidden = [name for name, is_hidden in facts.sheets if is_hidden]
    if facts.sheet in hidden:
        notes.append(f"The sheet “{facts.sheet}” is hidden in the file.")
    others = len(facts.sheets) - 1
    if others:
        notes.append(
            f"{count_text(others)} other sheet{'' if others == 1 else 's'} "
            f"{'is' if others == 1 else 'are'} not read"
            + (f", of which {count_text(len(hidden))} hidden." if hidden else ".")
        )
    if facts.formulas:
        cells = "1 cell has" if facts.formulas == 1 else f"{count_text(facts.formulas)} cells have"
        notes.append(
            f"{cells} a formula. The value is read that was saved with it; nothing is calculated."
        )
    if facts.errors:
        cells = "1 cell holds" if facts.errors == 1 else f"{count_text(facts.errors)} cells hold"
        notes.append(f"{cells} an error such as #DIV/0!, which is read as empty.")
    return notes


def _cell_notes(columns: Sequence[Column], body: list[Row], schema: InputSchema) -> list[str]:
    """What to know about the cells: empty rows between, dates, numbers that are read as texts."""
    notes = []
    numbers = [number for number, _ in body]
    if numbers and numbers[-1] - numbers[0] + 1 > len(numbers):
        notes.append("Empty rows are left out.")
    for one in columns:
        cells = [cell_at(row, one.place) for _, row in body]
        title = one.title[:60]
        if any(isinstance(cell, DateCell) for cell in cells) and one.role:
            example = next(cell.text for cell in cells if isinstance(cell, DateCell))
            notes.append(f"“{title}” has dates. They are read as texts such as {example}.")
        feature = schema.by_name.get(one.role[1:]) if one.role.startswith(".") else None
        if feature and not feature.is_number and takes_texts(feature):
            number = next((cell for cell in cells if isinstance(cell, float | int)), None)
            if number is not None:
                notes.append(
                    f"“{title}” has numbers in cells. They are read as texts such as "
                    f"“{text_of(number)}”; leading zeros that a spreadsheet removed are lost."
                )
    return notes


def _missing(columns: Sequence[Column], schema: InputSchema) -> tuple[list[str], list[str]]:
    """What keeps the rows from being checked, and the labels of inputs without a column that may be
    empty."""
    names = [one.role[1:] for one in columns if one.role.startswith(".")]
    problems = [
        f"Two columns are chosen for {schema.by_name[name].label}. Choose one."
        for name in dict.fromkeys(names)
        if names.count(name) > 1 and name in schema.by_name
    ]
    absent = [one for one in schema.asked if one.name not in names]
    needed = [one.label for one in absent if one.requirement is Requirement.REQUIRED]
    if needed:
        listed = ", ".join(needed[:5]) + (" and more" if len(needed) > 5 else "")
        problems.append(
            f"No column is chosen for {listed}. Each row needs a value: choose the column below."
        )
    return problems, [one.label for one in absent if one.requirement is not Requirement.REQUIRED]


def takes_texts(feature: FeatureSpec) -> bool:
    """Return whether each value of the input is a text."""
    if feature.kind is Kind.CHOICE:
        return all(isinstance(value, str) for value, _ in feature.choices)
    return feature.kind is Kind.STRING
