"""What a person did, and any other rows, as CSV that a spreadsheet opens safely."""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import ActivityEvent

FORMULA = ("=", "+", "-", "@", "\t", "\r")
ACTIVITY_COLUMNS = ("at", "person", "action", "target", "before", "after", "address")


class _Line:
    """A file that hands back what is written to it: csv.writer without a buffer."""

    def write(self, text: str) -> str:
        return text


def csv_cell(value: Any) -> str:
    """One value as text. What a spreadsheet would take for a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict | list):
        value = json.dumps(value, cls=DjangoJSONEncoder)
    text = str(value).replace("\x00", "")
    return f"'{text}" if text.startswith(FORMULA) else text


def activity_csv(events: Iterable[ActivityEvent]) -> Iterator[str]:
    """One line an act, times in UTC."""
    writer = csv.writer(_Line())
    yield writer.writerow(ACTIVITY_COLUMNS)
    for event in events:
        values = (
            event.at, event.actor_email, event.action, event.target,
            event.before, event.after, event.address,
        )  # fmt: skip
        yield writer.writerow([csv_cell(value) for value in values])
