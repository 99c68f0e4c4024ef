"""The profile of reference data: a CSV of rows like those that the model was trained on. Pure.

The file is streamed and bounded (bytes, rows, columns, cell length); what stays is a profile of
each column and a sample of rows. UTF-8; separated by comma, semicolon or tab, whichever gives the
header most columns; decimal point or comma, whichever the first rows use.
"""

import codecs
import csv
import math
import random
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from config.text.numbers import count_text
from config.text.plain_text import unfit
from model_host.protocol.codec import stored, to_json
from models_registry.errors import BadReferenceData
from models_registry.inputs.feature_spec import MAX_NAME
from models_registry.inputs.number_text import NumberProblem, as_float, is_whole, parse_number
from models_registry.reference.typical_row import combination_of

MAX_BYTES = 20 * 1024**2
MAX_ROWS = 100_000
MAX_COLUMNS = 2_500
MAX_CELL = 10_000
MAX_LINE = 1024**2
MAX_DISTINCT = 5_000
KEPT_ROWS = 200
KEPT_VALUES = 20
SHOWN_TEXT = 200
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
SEED = 20_260_301
"""The seed of the sample: the same file always gives the same rows."""
SNIFFED_ROWS = 200
NOT_KNOWN = frozenset({"na", "n/a", "nan", "null"})
"""The texts for "missing" in a column of numbers, beside an empty cell; in a column of texts they
are values."""

_DIGITS = re.compile(r"[+-]?[0-9]+")
_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_COMMA, _POINT = re.compile(r"[+-]?[0-9]*,[0-9]+"), re.compile(r"[+-]?[0-9]*\.[0-9]+")


@dataclass(frozen=True)
class ColumnProfile:
    """One column: of numbers ``minimum`` to ``quantiles`` (at `LEVELS`) are known; of texts, and of
    at most 20 different numbers, the most frequent ``values`` with how often each occurs."""

    count: int
    missing: int
    distinct: int
    is_number: bool
    is_whole: bool = False
    minimum: int | float | None = None
    maximum: int | float | None = None
    mean: float | None = None
    quantiles: tuple[int | float, ...] = ()
    values: tuple[tuple[str, int], ...] = ()

    @property
    def median(self) -> int | float | None:
        return self.quantiles[LEVELS.index(0.5)] if self.quantiles else None

    @property
    def width(self) -> float:
        """The width of the middle nine tenths, else of the whole range; 0 of no numbers."""
        if not self.quantiles or self.minimum is None or self.maximum is None:
            return 0.0
        return float(self.quantiles[-1] - self.quantiles[0]) or float(self.maximum - self.minimum)


@dataclass(frozen=True)
class Profile:
    """The columns by name in the file's order; ``target`` names the one that holds outcomes.
    ``combination``: a frequent value of each column of few values, by name, such that all of them
    occur together in a row (`typical_row.py`)."""

    columns: Mapping[str, ColumnProfile]
    decimal_mark: str = "."
    target: str = ""
    combination: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        columns = tuple(self.columns.items())
        kept = _Stored(columns, self.decimal_mark, self.target, self.combination)
        plain: dict[str, Any] = to_json(kept)
        return plain

    @classmethod
    def from_json(cls, plain: object) -> "Profile":
        """Return the profile as ``to_json`` wrote it; empty for an empty mapping."""
        found = stored(_Stored, plain)
        return cls(dict(found.columns), found.decimal_mark, found.target, found.combination)


@dataclass(frozen=True)
class _Stored:
    """A profile as it is stored: PostgreSQL's JSON does not keep the order of a mapping."""

    columns: tuple[tuple[str, ColumnProfile], ...] = ()
    decimal_mark: str = "."
    target: str = ""
    combination: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reference:
    """The reference data of one file: the profile, the number of rows, and a sample of at most 200
    of them as texts by column, in the file's order."""

    profile: Profile
    row_count: int
    rows: tuple[dict[str, str], ...]


def read_reference(chunks: Iterable[bytes], *, target: str = "") -> Reference:
    """Read a CSV with a header. Raises BadReferenceData, whose message names the row."""
    lines = _lines(chunks)
    header_line = next(lines, "")
    separator = max(",;\t", key=lambda mark: len(_header(header_line, mark)))
    names = _names(_header(header_line, separator))
    if target and target not in names:
        raise BadReferenceData(
            f"The file has no column “{target}”. Its columns are: "
            f"{', '.join(name[:60] for name in names[:20])}."
        )
    rows = _rows(lines, separator, len(names))
    first = list(islice(rows, SNIFFED_ROWS))
    mark = _decimal_mark(first)
    columns = [_Column(mark) for _ in names]
    kept: list[tuple[int, list[str]]] = []
    chance, total = random.Random(SEED), 0  # noqa: S311 a sample, no secret
    for total, row in enumerate(chain(first, rows), start=1):
        for column, cell in zip(columns, row, strict=True):
            column.add(cell)
        # Reservoir sampling, Vitter's algorithm R (1985): every row is kept equally likely.
        place = len(kept) if len(kept) < KEPT_ROWS else chance.randrange(total)
        if place < KEPT_ROWS:
            kept[place : place + 1] = [(total, row)]
    if not total:
        raise BadReferenceData("The reference data has a header and no rows.")
    profiles = {name: column.profile() for name, column in zip(names, columns, strict=True)}
    sample = tuple(dict(zip(names, row, strict=True)) for _, row in sorted(kept))
    few = [name for name, column in profiles.items() if column.values and name != target]
    return Reference(Profile(profiles, mark, target, combination_of(few, sample)), total, sample)


def number_of(cell: str, mark: str) -> int | float | None:
    """Return the number in a cell, None where it is none or not finite."""
    text = cell.strip()
    if mark == ",":
        plain = text.replace(",", ".") if "." not in text else text if "," not in text else ""
        if "," not in text and _POINT.fullmatch(text):
            plain = ""  # a point among decimal commas groups thousands
    else:
        plain = text
    if _PLAIN.fullmatch(plain):
        number = float(plain)
        if not math.isfinite(number):
            return None
        return as_float(int(plain)) if _DIGITS.fullmatch(plain) else number
    parsed = parse_number(text, decimal_mark=mark)
    return None if isinstance(parsed, NumberProblem) else as_float(parsed)


def is_missing(cell: str) -> bool:
    return not cell.strip()


@dataclass
class _Column:
    """One column while it is read. Numbers are kept as float64 until a cell is not a number, or is
    a whole number without an exact float64."""

    mark: str
    numbers: "array[float] | list[int | float] | None" = field(default_factory=lambda: array("d"))
    counts: dict[str, int] = field(default_factory=dict)
    filled: int = 0
    missing: int = 0
    words_for_missing: int = 0

    def add(self, cell: str) -> None:
        if is_missing(cell):
            self.missing += 1
            return
        self.filled += 1
        if cell in self.counts:
            self.counts[cell] += 1
        elif len(self.counts) < MAX_DISTINCT:  # with more, only the first ones are counted
            self.counts[cell] = 1
        if self.numbers is None:
            return
        if cell.strip().lower() in NOT_KNOWN:
            self.words_for_missing += 1
            return
        number = number_of(cell, self.mark)
        if number is None:
            self.numbers = None
            return
        if isinstance(number, int) and not isinstance(self.numbers, list):
            self.numbers = list(self.numbers)
        self.numbers.append(number)

    def profile(self) -> ColumnProfile:
        if not self.numbers:
            return ColumnProfile(
                count=self.filled,
                missing=self.missing,
                distinct=len(self.counts),
                is_number=False,
                values=self._most_frequent(self.counts),
            )
        ordered = sorted(self.numbers)
        known = {
            value: n for value, n in self.counts.items() if value.strip().lower() not in NOT_KNOWN
        }
        return ColumnProfile(
            count=len(ordered),
            missing=self.missing + self.words_for_missing,
            distinct=len(known),
            is_number=True,
            is_whole=all(map(is_whole, ordered)),
            minimum=ordered[0],
            maximum=ordered[-1],
            mean=math.fsum(number / len(ordered) for number in ordered),
            quantiles=tuple(quantile(ordered, level) for level in LEVELS),
            values=self._most_frequent(known) if len(known) <= KEPT_VALUES else (),
        )

    def _most_frequent(self, counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return tuple((value[:SHOWN_TEXT], count) for value, count in ranked[:KEPT_VALUES])


def quantile(ordered: Sequence[int | float], level: float) -> int | float:
    """Return a quantile by linear interpolation between order statistics (type 7 of Hyndman and
    Fan, 1996); whole numbers beyond those of a float64 are not mixed."""
    place = level * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    share = place - low
    if isinstance(ordered[low], int) or isinstance(ordered[high], int):
        return ordered[low]
    return ordered[low] * (1 - share) + ordered[high] * share


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest, received = "", 0
    try:
        for chunk in chunks:
            received += len(chunk)
            if received > MAX_BYTES:
                raise BadReferenceData(
                    f"The reference data is larger than {MAX_BYTES // 1024**2} MB. "
                    "Take a sample of its rows."
                )
            *whole, rest = (rest + decoder.decode(chunk)).split("\n")
            yield from (line + "\n" for line in whole)
            if len(rest) > MAX_LINE:
                raise BadReferenceData("A line of the reference data is too long to be one row.")
        yield rest + decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise BadReferenceData(
            "The reference data is not UTF-8 text. Save it as CSV UTF-8 and choose it again."
        ) from error


def _header(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _names(header: Sequence[str]) -> list[str]:
    if not any(name.strip() for name in header):
        raise BadReferenceData("The reference data is empty. Its first line names the columns.")
    if len(header) > MAX_COLUMNS:
        raise BadReferenceData(
            f"The reference data has {len(header)} columns; at most {MAX_COLUMNS} are read."
        )
    names = [name.strip() or f"column {number}" for number, name in enumerate(header, start=1)]
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        if len(name) > MAX_NAME:
            raise BadReferenceData(
                f"The name of column {number} of the reference data has "
                f"{count_text(len(name))} characters; "
                f"at most {MAX_NAME} are read. Shorten it."
            )
        if character := unfit(name):
            raise BadReferenceData(
                f"The name of column {number} of the reference data holds a character that cannot "
                f"be stored ({character})."
            )
        if name in seen:
            raise BadReferenceData(f"Two columns are called “{name[:60]}”. Rename one of them.")
        seen.add(name)
    return names


def _rows(lines: Iterator[str], separator: str, width: int) -> Iterator[list[str]]:
    """The rows below the header, without blank lines."""
    count = 0
    reader = csv.reader(lines, delimiter=separator)
    try:
        for row in reader:
            if not any(row):
                continue
            count += 1
            if count > MAX_ROWS:
                raise BadReferenceData(
                    f"The reference data has more than {count_text(MAX_ROWS)} rows. "
                    "Take a sample of them."
                )
            if len(row) != width:
                raise BadReferenceData(
                    f"Row {count} of the reference data has {len(row)} values, the header names "
                    f"{width} columns. Correct the row, or its quotes."
                )
            for cell in row:
                _check_cell(cell, f"Row {count}")
            yield row
    except csv.Error as error:
        raise BadReferenceData(
            f"Row {count + 1} of the reference data cannot be read as CSV. Check its quotes."
        ) from error


def _check_cell(cell: str, where: str) -> None:
    if len(cell) > MAX_CELL:
        raise BadReferenceData(
            f"{where} of the reference data has a value of {count_text(len(cell))} characters; "
            f"at most {count_text(MAX_CELL)} are read."
        )
    if "\x00" in cell:
        raise BadReferenceData(f"{where} of the reference data contains NUL, so it is not text.")


def _decimal_mark(rows: Iterable[Sequence[str]]) -> str:
    cells = [cell.strip() for row in rows for cell in row]
    commas = sum(bool(_COMMA.fullmatch(cell)) for cell in cells)
    return "," if commas > sum(bool(_POINT.fullmatch(cell)) for cell in cells) else "."
