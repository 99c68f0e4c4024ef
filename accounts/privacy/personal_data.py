"""The registry of personal data: each app registers what it keeps about a person.

Apps of higher layers register their part when they are ready, so that the download and the deletion
are complete although this app imports none of them.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import User
from config.text.csv_text import csv_lines

Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """One kind of personal data: its rows, and the function that removes or anonymises them."""

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


def as_json(user: User) -> bytes:
    return json.dumps(everything(user), cls=DjangoJSONEncoder, indent=2).encode()


def as_csv(user: User) -> bytes:
    """Return a ZIP with one CSV file per part."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in everything(user).items():
            archive.writestr(f"{name}.csv", _table(rows))
    return packed.getvalue()


def _table(rows: list[Row]) -> bytes:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return b"".join(csv_lines(columns, ([row.get(key) for key in columns] for row in rows)))
