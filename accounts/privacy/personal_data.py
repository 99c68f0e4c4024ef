"""The registry of personal data: each app registers what it keeps about a person.

Apps of higher layers register their part when they are ready, so that the download and the deletion
are complete although this app imports none of them.
"""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import User
from config.text.csv_text import csv_lines

Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """One kind of personal data: its rows, each with the same keys, and the function that removes
    or anonymises them."""

    name: str
    rows: Callable[[User], Iterable[Row]]
    erase: Callable[[User], None]


_parts: dict[str, Part] = {}


def register(part: Part) -> None:
    _parts[part.name] = part


def everything(user: User) -> dict[str, list[Row]]:
    """Return everything kept about a person, by part."""
    return {name: list(part.rows(user)) for name, part in _parts.items()}


def erase(user: User) -> None:
    for part in _parts.values():
        part.erase(user)


def write_json(into: IO[bytes], user: User) -> None:
    """Write all of it as one JSON object, a row a line, with one row in memory at a time: batches
    have hundreds of thousands."""
    into.write(b"{")
    for place, (name, part) in enumerate(_parts.items()):
        into.write(f"{',' * bool(place)}\n{json.dumps(name)}: [".encode())
        for number, row in enumerate(part.rows(user)):
            text = json.dumps(row, cls=DjangoJSONEncoder)
            into.write(f"{',' * bool(number)}\n{text}".encode())
        into.write(b"\n]")
    into.write(b"\n}\n")


def write_csv(into: IO[bytes], user: User) -> None:
    """Write a ZIP with one CSV file per part, with one row in memory at a time."""
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in _parts.items():
            with archive.open(f"{name}.csv", "w", force_zip64=True) as file:
                file.writelines(_table(part.rows(user)))


def _table(rows: Iterable[Row]) -> Iterator[bytes]:
    rows = iter(rows)
    first = next(rows, {})
    cells = (list(row.values()) for row in chain([first] if first else [], rows))
    return csv_lines(first, cells)
