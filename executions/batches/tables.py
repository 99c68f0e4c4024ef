"""A table that a person brought, as rows of cells: a text with separators, or a sheet.

Nothing here knows a model. Every row is numbered as a spreadsheet counts, from 1; empty rows are
counted and yielded empty. A text is decoded and split while it is read; a spreadsheet is read by
`spreadsheet_process.py`. Neither is held in memory whole. Raises TableUnreadable with the row and
the way out.
"""

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Timer
from typing import Any

from config.errors import DomainError
from config.text.numbers import count_text
from model_host.protocol.inputs import Scalar

Chunks = Callable[[], Iterable[bytes]]
"""The bytes of a file from its beginning, as often as they are asked for."""

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 without a mark",
    "cp1252": "Windows-1252 (Western Europe)",
    "cp1250": "Windows-1250 (Central Europe)",
    "iso8859-15": "Latin-9",
}
SEPARATORS = {",": "Comma ,", ";": "Semicolon ;", "\t": "Tab", "|": "Bar |"}
MAX_COLUMNS = 2_500
MAX_LINE = 1024**2
MAX_RECORD = 4 * 1024**2
"""Characters of one row whose quoted cells hold line ends."""
SAMPLE_BYTES = 64 * 1024
SECONDS = 60.0
WAIT_SECONDS = 20.0
PROCESS = Path(__file__).with_name("spreadsheet_process.py")
KEPT_VARIABLES = {"PATH", "LD_LIBRARY_PATH", "TMPDIR"}
_reading = BoundedSemaphore(2)
"""The spreadsheets that one process has read at once: each may take 1 GB."""

NO_TABLE = "This file is no table. Bring a spreadsheet (.xlsx, .ods) or a CSV file."
REFUSED = {
    "password": "The file is protected by a password. Save it without one, and bring it again.",
    "large": "The file unpacks to more than can be read. Save the sheet as CSV, and bring that.",
    "empty": "The file has no sheet with cells.",
    "broken": "The file is not a spreadsheet that can be read. Open it and save it again as .xlsx "
    "or as CSV.",
    "slow": "The file takes too long to read. Save the sheet as CSV, and bring that.",
}


class TableUnreadable(DomainError):
    """The file cannot be read as a table; the message says where and the way out."""


class ReaderBusy(DomainError):
    seconds = 20
    message = "Other spreadsheets are being read. Try again in a minute."


@dataclass(frozen=True)
class DateCell:
    """A date or a time of a spreadsheet, as text."""

    text: str


Cell = Scalar | DateCell
Row = tuple[int, list[Cell]]


@dataclass(frozen=True)
class SheetFacts:
    """What a spreadsheet says of itself: the sheet that was read, all sheets with whether each is
    hidden, and how many cells of the sheet have a formula or an error."""

    sheet: str
    sheets: tuple[tuple[str, bool], ...]
    formulas: int
    errors: int


def is_spreadsheet(head: bytes) -> bool:
    """Whether a file begins as a packed spreadsheet (XLSX, ODS) or an old one (XLS) does."""
    return head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))


def encoding_of(head: bytes, *, is_utf8: bool) -> str:
    """Return the encoding of a text that begins with ``head``; ``is_utf8``: all of it can be
    decoded as UTF-8. Raises TableUnreadable if it is no text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if head.startswith(
        (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"Rar!", b"7z")
    ):
        raise TableUnreadable(NO_TABLE)
    if len(head) > 3 and head[1::2].count(0) > len(head) / 4 > 4 * head[::2].count(0):
        return "utf-16-le"
    if head.count(0) > len(head) / 10:
        raise TableUnreadable(NO_TABLE)
    return "utf-8" if is_utf8 else "cp1252"


class _Stream(io.RawIOBase):
    """Chunks of bytes as a raw stream."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(into), len(self._rest))
        into[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def text_rows(chunks: Chunks, *, encoding: str, separator: str) -> Iterator[Row]:
    """Yield the rows of a text whose cells are separated by ``separator``, quoted as RFC 4180
    says."""
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    stream = io.TextIOWrapper(
        io.BufferedReader(_Stream(chunks()), 256 * 1024), encoding=codec, newline=""
    )
    number = 0
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        while line := stream.readline(MAX_LINE + 1):
            size += len(line)
            if len(line) > MAX_LINE or size > MAX_RECORD:
                raise TableUnreadable(
                    f"Row {count_text(number + 1)} has more than "
                    f"{count_text(min(MAX_LINE, size))} characters. Check the quotation marks and "
                    "the line ends of the file."
                )
            yield line

    try:
        for number, cells in enumerate(csv.reader(lines(), delimiter=separator, strict=True), 1):
            size = 0
            if len(cells) > MAX_COLUMNS:
                raise _too_wide(number, len(cells))
            yield number, list(cells) if any(map(str.strip, cells)) else []
    except UnicodeError:
        raise TableUnreadable(
            f"From row {count_text(number + 1)} on the file is not {ENCODINGS.get(encoding)}. "
            "Choose another encoding, or save the file as CSV UTF-8."
        ) from None
    except csv.Error:
        raise TableUnreadable(
            f"Row {count_text(number + 1)} cannot be read: a quotation mark is not closed there, "
            "or stands in the middle of a cell. Mend the row, and bring the file again."
        ) from None


def _too_wide(number: int, count: int) -> TableUnreadable:
    return TableUnreadable(
        f"Row {count_text(number)} has {count_text(count)} columns. At most "
        f"{count_text(MAX_COLUMNS)} are read. Keep the columns that the model needs."
    )


@contextmanager
def sheet_rows(chunks: Chunks, sheet: str = "") -> Iterator[tuple[SheetFacts, Iterator[Row]]]:
    """Read a sheet in a process of its own: yields what the workbook says of itself, and the rows.
    Raises ReaderBusy, too."""
    if not _reading.acquire(timeout=WAIT_SECONDS):
        raise ReaderBusy
    try:
        with tempfile.NamedTemporaryFile() as file:
            for chunk in chunks():
                file.write(chunk)
            file.flush()
            with _process(file.name, sheet) as lines:
                facts = _facts(next(lines, {"refused": "large"}))
                yield facts, _numbered(lines)
    finally:
        _reading.release()


@contextmanager
def _process(path: str, sheet: str) -> Iterator[Iterator[Any]]:
    process = subprocess.Popen(
        [sys.executable, "-I", str(PROCESS), path, sheet],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name in KEPT_VARIABLES}
        | {"LC_ALL": "C.UTF-8"},
    )
    timer = Timer(SECONDS, process.kill)
    timer.start()
    assert process.stdout is not None
    try:
        yield _messages(process)
    finally:
        timer.cancel()
        process.stdout.close()
        process.kill()
        process.wait()


def _messages(process: "subprocess.Popen[bytes]") -> Iterator[Any]:
    assert process.stdout is not None
    for line in process.stdout:
        if line.endswith(b"\n"):
            yield json.loads(line)
    if process.wait() != 0:  # ended at a limit, perhaps in the middle of a line
        raise TableUnreadable(REFUSED["slow" if process.returncode in (-9, -24) else "large"])


def _facts(first: Any) -> SheetFacts:
    if "refused" in first:
        raise _refused(first["refused"])
    return SheetFacts(
        first["sheet"],
        tuple((str(name), bool(is_hidden)) for name, is_hidden in first["sheets"]),
        first["formulas"],
        first["errors"],
    )


def _refused(reason: str) -> TableUnreadable:
    if reason.startswith("wide"):
        _, number, count = reason.split()
        return _too_wide(int(number), int(count))
    return TableUnreadable(REFUSED[reason])


def _numbered(lines: Iterator[Any]) -> Iterator[Row]:
    number = 0
    for some in lines:
        if not isinstance(some, list):
            raise _refused(some["refused"])
        for cells in some:
            number += 1
            is_empty = not any(one is not None and str(one).strip() for one in cells)
            row = [DateCell(one[0]) if isinstance(one, list) else one for one in cells]
            yield number, [] if is_empty else row


def cell_at(cells: Sequence[Cell], place: int) -> Cell:
    """Return the cell in a place; rows may be shorter than the table."""
    return cells[place] if place < len(cells) else None


def text_of(cell: Cell) -> str:
    """Return a cell as text, a number as a spreadsheet shows it: 5, not 5.0."""
    if cell is None:
        return ""
    if isinstance(cell, DateCell):
        return cell.text
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    return str(cell)


def separator_of(sample: str, known: Callable[[str], bool]) -> str:
    """Return the separator of a text by its first rows: the one that makes the most names that are
    ``known`` of the first row, else the most columns of the same number in all rows."""
    lines = [line for line in sample.splitlines() if line.strip()][:50]
    return max(SEPARATORS, key=lambda one: _score(lines, one, known)) if lines else ","


def _score(lines: Sequence[str], separator: str, known: Callable[[str], bool]) -> tuple[int, float]:
    try:
        rows = list(csv.reader(lines, delimiter=separator))
    except csv.Error:
        return 0, 0
    widths = [len(row) for row in rows if row]
    usual = max(set(widths), key=widths.count, default=1)
    names = sum(known(cell) for cell in rows[0])
    return names, widths.count(usual) / len(widths) * min(usual - 1, 20)
