"""`manage.py settings_reference`: write docs/configuration.md from the variables that the settings
read."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

HEADER = """\
# Configuration

Made by `manage.py settings_reference` from `config/settings.py` and `.env.example`; a test fails
where it is not current. To change it, change those.

Everything that differs between installations is an environment variable. A missing or malformed
one stops the start with a sentence that names it.

- **Secrets as files.** Each variable that the settings read can come from a file: `NAME_FILE=/path`
  gives NAME what the file holds, without the line break at its end. Where both are set they must
  agree.
- **`make run` needs none.** Where one of `DATABASE_URL`, `REDIS_URL` and `PREFECT_API_URL` is not
  set, the rest comes from the embedded stack.
- **One environment for all.** Web, Celery worker, beat, resident workers and commands read the
  same variables. What only some of them use does no harm to the others.
- **A change needs a restart** of every process that reads the variable.
"""
KINDS = {
    "str": "text",
    "int": "number",
    "bool": "true or false",
    "list": "list",
    "dj_db_url": "URL",
    "dj_email_url": "URL",
}
LINE = re.compile(r"^(?P<name>[A-Z_0-9]+)=(?P<value>.*?)\s*(?:# (?P<meaning>.+))?$")
SECTION = re.compile(r"^# --- (?P<title>.+?) -+$")


@dataclass(frozen=True)
class Reading:
    """A variable as the settings read it: its kind, and its default as text."""

    kind: str
    is_required: bool
    default: str | None  # None: no constant


def readings() -> dict[str, Reading]:
    """Return every `read(kind, name, default)` of the settings, by name."""
    tree = ast.parse((settings.BASE_DIR / "config" / "settings.py").read_text())
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {
        call.args[1].value: Reading(
            KINDS[call.args[0].value], len(call.args) == 2, _written(call.args[2:])
        )
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id == "read"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and isinstance(call.args[1], ast.Constant)
        and isinstance(call.args[1].value, str)
    }


def _written(arguments: list[ast.expr]) -> str | None:
    """Return a constant default as a person writes it into the environment."""
    try:
        match ast.literal_eval(arguments[0]) if arguments else None:
            case bool() as flag:
                return str(flag).lower()
            case list() as entries:
                return ",".join(map(str, entries))
            case None:
                return "" if arguments else None
            case value:
                return str(value)
    except ValueError:  # computed: what .env.example shows is the default
        return None


def reference() -> str:
    """Return the page: one table for each section of `.env.example`. Raises CommandError where a
    variable is read and not explained."""
    known = readings()
    lines = [HEADER.rstrip()]
    explained = set()
    for line in (settings.BASE_DIR / ".env.example").read_text().splitlines():
        if section := SECTION.match(line):
            lines += [f"\n## {section['title']}\n", "| variable | kind | default | meaning |"]
            lines += ["|---|---|---|---|"]
        elif entry := LINE.match(line):
            explained.add(entry["name"])
            lines.append(_row(entry.groupdict(), known.get(entry["name"])))
    if missing := sorted(known.keys() - explained):
        raise CommandError(f".env.example does not explain {', '.join(missing)}.")
    return "\n".join(lines) + "\n"


def _row(entry: dict[str, Any], reading: Reading | None) -> str:
    if not entry["meaning"]:
        raise CommandError(f".env.example names {entry['name']} and does not say what it is.")
    return f"| {' | '.join(_cells(entry, reading))} |"


def _cells(entry: dict[str, Any], reading: Reading | None) -> Iterator[str]:
    yield f"`{entry['name']}`"
    yield reading.kind if reading else "text"
    if reading and reading.is_required:
        yield "–"
    else:
        default = entry["value"] if reading is None or reading.default is None else reading.default
        yield f"`{default}`" if default else "–"
    yield entry["meaning"].replace("|", "\\|")


class Command(BaseCommand):
    help = "Print docs/configuration.md, made from the settings."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(reference(), ending="")
