"""The messages of the contract as bytes, and errors as the contents of a reply."""

from __future__ import annotations

import json
from dataclasses import dataclass
from struct import Struct
from typing import Any

from model_host.protocol import MAX_MESSAGE
from model_host.protocol.artifact import TypeName
from model_host.protocol.codec import MAX_TEXT, MalformedMessage, from_json, to_json
from model_host.protocol.errors import ErrorCode, HostError
from model_host.protocol.trace import Trace

MESSAGE_LENGTH = Struct(">I")
ARTIFACT_LENGTH = Struct(">Q")
CONTROL_BYTES = 16 * 1024
"""The maximum size of a message between worker and zygote; the kernel delivers it in one piece."""

MAX_MESSAGE_TEXT, MAX_NAME, MAX_STEP, MAX_NAMES = 2_000, 300, 200, 200


def frame(message: object, *, limit: int = MAX_MESSAGE) -> bytes:
    """Encode the message as bytes with its length in front. MalformedMessage if it is over
    ``limit``."""
    body = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
    if len(body) > limit:
        raise MalformedMessage(f"a message of {len(body)} bytes; {limit} are allowed")
    return MESSAGE_LENGTH.pack(len(body)) + body


def parse(body: bytes | bytearray) -> object:
    """Parse the JSON value in ``body``; MalformedMessage for anything that is not plain, finite
    JSON."""
    try:
        return json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"not JSON: {type(error).__name__}") from None


def error_to_json(error: HostError) -> Any:
    """Convert ``error`` to the contents of a reply, its text made printable and bounded."""
    return {
        "code": error.code,
        "message": printable(error.message)[:MAX_MESSAGE_TEXT],
        # The cause is at the end of a traceback.
        "traceback": printable(error.traceback)[-MAX_TEXT:],
        "refused": _names_to_json(error.refused),
        "absent": _names_to_json(error.absent),
        "input": printable(error.input)[:MAX_NAME],
        "lost": error.lost,
        "trace": to_json(error.trace),
        "step": printable(error.step)[:MAX_STEP],
    }


def error_from_json(value: object) -> HostError:
    """Build the HostError of a reply, its text bounded here, too. A child cannot call itself lost:
    only the worker sees that."""
    given = from_json(_ErrorFields, value)
    return HostError(
        given.code,
        given.message[:MAX_MESSAGE_TEXT],
        traceback=given.traceback,
        refused=_bounded(given.refused),
        absent=_bounded(given.absent),
        input=given.input[:MAX_NAME],
        trace=given.trace,
        step=given.step[:MAX_STEP],
    )


@dataclass(frozen=True)
class _ErrorFields:
    code: ErrorCode
    message: str
    traceback: str
    refused: tuple[TypeName, ...]
    absent: tuple[TypeName, ...]
    input: str
    lost: bool
    trace: Trace | None = None
    step: str = ""


def _names_to_json(names: tuple[TypeName, ...]) -> list[list[str]]:
    return [[printable(part)[:MAX_NAME] for part in name] for name in names[:MAX_NAMES]]


def _bounded(names: tuple[TypeName, ...]) -> tuple[TypeName, ...]:
    return tuple((module[:MAX_NAME], name[:MAX_NAME]) for module, name in names[:MAX_NAMES])


def printable(text: str) -> str:
    """Return the text without NUL and lone surrogates, which are written as escapes."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def _no_constant(name: str) -> object:
    raise ValueError(name)
