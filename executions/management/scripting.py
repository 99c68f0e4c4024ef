"""The base of commands for scripts: a sentence to read, or one JSON object on standard output."""

import json
import time
from argparse import ArgumentParser
from dataclasses import dataclass, replace
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from accounts.managers import folded
from accounts.models import User
from config.errors import DomainError
from config.text.json_text import BadJson, read_json
from config.text.plain_text import escaped
from executions.models import Execution
from model_host.protocol.codec import to_json
from models_registry.models import Inspection

POLL_SECONDS = 0.005
SLOWEST_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Result:
    """The result of a script command: these and the fields of a subclass, None where unknown."""

    status: str = "refused"
    message: str = ""


class ScriptCommand(BaseCommand):
    """The base of such a command: runs ``script``, and reports a DomainError as a message, never as
    a traceback.

    ``script`` returns the result and whether it is what was asked for (exit code 0). ``refused`` is
    the result of a call that was refused.
    """

    refused = Result()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--by", default="", metavar="EMAIL", help="who does this")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS")

    def script(self, options: dict[str, Any]) -> tuple[Result, bool]:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result, is_done = self.script(options)
        except DomainError as error:
            result, is_done = replace(self.refused, message=error.message), False
        except DatabaseError:
            message = "The database does not answer. Start the site with `make run` first."
            result, is_done = replace(self.refused, message=message), False
        if options["json"]:
            self.stdout.write(json.dumps(to_json(result)))
        else:
            lines = [
                f"{key}: {_text(value)}" for key, value in vars(result).items() if value is not None
            ]
            (self.stdout if is_done else self.stderr).write("\n".join(lines))
        if not is_done:
            raise SystemExit(1)


def _text(value: Any) -> str:
    """A value for the terminal, its control characters escaped."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escaped(text, keep="\n")


def person(email: str) -> User:
    user: User | None = User.objects.active().filter(email=folded(email)).first()
    if user is None:
        raise DomainError(f"No active person has the e-mail “{email}”. Give one with --by EMAIL.")
    return user


def json_object(text: str, option: str) -> dict[str, Any]:
    """Return the JSON object given to ``option``. Its texts are inputs, which the input schema
    checks."""
    try:
        value = read_json(text, option, any_texts=True)
    except BadJson as error:
        raise DomainError(str(error)) from error
    if not isinstance(value, dict):
        raise DomainError(f"{option} must be a JSON object of input names and values.")
    return value


def wait_for(row: Execution | Inspection, *, seconds: float) -> bool:
    """Reload ``row`` until it is finished; False if that takes longer than ``seconds``."""
    end = time.monotonic() + seconds
    pause = POLL_SECONDS
    while not row.is_finished:
        if time.monotonic() > end:
            return False
        time.sleep(pause)
        pause = min(pause * 1.1, SLOWEST_POLL_SECONDS)
        row.refresh_from_db()
    return True
