"""Log lines that carry the ids of their request and execution.

Inputs and outputs are never logged; lines hold events, ids, durations and codes.
"""

import json
import logging
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from config.text.plain_text import escaped

_SECRETS = re.compile(
    r"(/(?:accounts/(?:invitation|confirm-email|password/reset/key)|notifications/off)/)[^/\s]+"
)
"""The part of an address that is as good as a password: who reads the log must not have it."""

_context: ContextVar[dict[str, str]] = ContextVar("log_context", default={})  # noqa: B039


@contextmanager
def log_context(**ids: object) -> Iterator[None]:
    """Add ids to every line logged inside the block."""
    token = _context.set(_context.get() | {key: str(value) for key, value in ids.items()})
    try:
        yield
    finally:
        _context.reset(token)


class ContextFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.ids = _context.get()
        record.context = "".join(f" {key}={value}" for key, value in _context.get().items())
        return True


class LineFormatter(logging.Formatter):
    """The formatter of one line per event: line ends and control characters are escaped. A
    traceback keeps its own lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 its name
        return escaped(_SECRETS.sub(r"\1…", super().formatMessage(record)))

    def formatException(self, ei: Any) -> str:  # noqa: N802 its name
        return escaped(super().formatException(ei), keep="\n")


class JsonFormatter(logging.Formatter):
    """The formatter of one JSON object per line; control characters are escaped by JSON itself."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "event": _SECRETS.sub(r"\1…", record.getMessage()),
            **getattr(record, "ids", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


class RequestIdMiddleware:
    """The middleware that gives each request an id, in its log lines and in its response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex[:12]
        with log_context(request=request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response
