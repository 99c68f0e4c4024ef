"""The process that reads one sheet of a spreadsheet and ends: ``spreadsheet_process.py FILE
[SHEET]``, JSON lines on its standard output.

Started by `tables.py` as a file, not as a module of this package, so that it loads neither settings
nor credentials. A library reads a sheet whole, and a file of a few bytes may say that it has 2 GB:
here that costs nobody but this process, which ends at its limits. The first line describes the
workbook and its sheet; every other one is a list of rows. A date is a list with its text.
"""

import html
import json
import re
import resource
import sys
import zipfile
from datetime import date, time, timedelta
from typing import Any

import python_calamine as calamine

MEMORY_BYTES = 1024**3
CPU_SECONDS = 60
MAX_PARTS = 5_000
MAX_UNPACKED = 1024**3
MAX_COLUMNS = 2_500
MAX_ROW = 4 * 1024**2
MAX_NAMES = 64 * 1024
"""Characters of the names of all sheets, which the page offers."""
ROWS_AT_ONCE = 200
CHUNK_BYTES = 1024**2
_OVERLAP = 128
_FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
_ERROR = re.compile(rb"<(?:\w+:)?c[^<>]{0,80} t=\"e\"")
_ATTRIBUTE = re.compile(r"\b(?:\w++:)?+(\w++)\s*+=\s*+[\"']([^\"']*+)[\"']")
"""An attribute without its prefix. No part of the text is read twice, however long its words."""


class Unreadable(Exception):
    """The file cannot be read; the reason is one of those that `tables.py` has a sentence for."""


def check_declared(path: str) -> None:
    """Check what a packed file says of itself, before anything of it is unpacked."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as packed:
        parts = packed.infolist()
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise Unreadable("large")


def counted(path: str, sheet: str) -> tuple[int, int]:
    """Count the formulas of an XLSX sheet and the cells that hold an error; (0, 0) of others."""
    try:
        with zipfile.ZipFile(path) as packed, packed.open(_part_of(packed, sheet)) as part:
            formulas = errors = 0
            before = b""
            while chunk := part.read(CHUNK_BYTES):
                text = before + chunk
                # What ends in the overlap is counted with the next chunk.
                formulas += sum(one.end() > len(before) for one in _FORMULA.finditer(text))
                errors += sum(one.end() > len(before) for one in _ERROR.finditer(text))
                before = chunk[-_OVERLAP:]
            return formulas, errors
    except (KeyError, StopIteration, zipfile.BadZipFile, EOFError):
        return 0, 0


def _part_of(packed: zipfile.ZipFile, sheet: str) -> str:
    """The part that holds the sheet, by the workbook and its links."""
    sheets = _elements(packed.read("xl/workbook.xml"), "sheet")
    key = next(one["id"] for one in sheets if one.get("name") == sheet)
    links = _elements(packed.read("xl/_rels/workbook.xml.rels"), "Relationship")
    target = next(one["Target"] for one in links if one.get("Id") == key)
    return target[1:] if target.startswith("/") else f"xl/{target}"


def _elements(markup: bytes, name: str) -> list[dict[str, str]]:
    """The attributes of every element of this name, without their prefixes."""
    text = markup.decode(errors="replace")
    found = re.findall(rf"<(?:\w+:)?{name}\s([^<>]*)>", text)
    pairs = (_ATTRIBUTE.findall(one) for one in found)
    return [{key: html.unescape(value) for key, value in one} for one in pairs]


def chosen(book: Any, sheet: str) -> tuple[str, list[list[Any]]]:
    """Return the name of the sheet to read, the first visible one unless one is named, and all
    sheets as [name, whether it is hidden]."""
    tables = [one for one in book.sheets_metadata if one.typ == calamine.SheetTypeEnum.WorkSheet]
    listed = [[one.name, one.visible != calamine.SheetVisibleEnum.Visible] for one in tables]
    names = [name for name, _ in listed]
    if not names:
        raise Unreadable("empty")
    if sum(len(name) + 1 for name in names) > MAX_NAMES:
        raise Unreadable("large")
    if sheet in names:
        return sheet, listed
    shown = [name for name, is_hidden in listed if not is_hidden] or names
    return shown[0], listed


def cell(value: Any) -> Any:
    """Return a cell as JSON: an empty one is null."""
    if value == "" or value is None:
        return None
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, date | time | timedelta):
        return [value.isoformat() if hasattr(value, "isoformat") else str(value)]
    return str(value)


def write(line: Any) -> None:
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")


def read(path: str, asked: str) -> None:
    """Write the description of the workbook, then the rows from the sheet's first row on."""
    check_declared(path)
    book = calamine.CalamineWorkbook.from_path(path)
    name, sheets = chosen(book, asked)
    sheet = book.get_sheet_by_name(name)
    formulas, errors = counted(path, name)
    _, left = sheet.start or (0, 0)
    write(
        {
            "sheet": name,
            "sheets": sheets,
            "formulas": formulas,
            "errors": errors,
        }
    )
    some: list[str] = []
    size = 0
    pad = [None] * left
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [cell(value) for value in row]
        while cells and cells[-1] is None:
            del cells[-1]
        text = json.dumps(pad + cells if cells else cells, separators=(",", ":"))
        if cells and (left + len(cells) > MAX_COLUMNS or len(text) > MAX_ROW):
            raise Unreadable(f"wide {number} {left + len(cells)}")
        some.append(text)
        size += len(text)
        if len(some) == ROWS_AT_ONCE or size > CHUNK_BYTES:
            sys.stdout.write(f"[{','.join(some)}]\n")
            some, size = [], 0
    if some:
        sys.stdout.write(f"[{','.join(some)}]\n")


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        read(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    except MemoryError:
        write({"refused": "large"})
    except Unreadable as reason:
        write({"refused": str(reason)})
    except calamine.PasswordError:
        write({"refused": "password"})
    except BrokenPipeError:
        sys.stderr.close()  # enough rows were read
    except (calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError):
        write({"refused": "broken"})


if __name__ == "__main__":
    main()
