"""Fingerprints of failures: the same for every failure of the same cause.

Pure. A message quotes what it was given; what may differ from run to run (values, numbers, hex
digits, paths) is taken out of it, so that the same fault is one group and no value reaches a list.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

VALUE = "‹…›"
NUMBER = "‹n›"
PATH = "‹path›"

MAX_TITLE = 300
MAX_EXCEPTION = 100
MAX_STEP = 200
_MOST_READ = 4000
"""The number of characters of a message that are used; the rest adds nothing to its cause."""

_FRAME_FILE = re.compile(r'^\s+File "')
_LAST_LINE = re.compile(r"^([A-Za-z_][\w.]*)(?:: (.*))?$", re.DOTALL)
_TOLD = re.compile(
    r"^(?:The model failed on these inputs: |The file does not open: )?"
    r"([A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit)): (.*)$",
    re.DOTALL,
)
_QUOTED = re.compile(
    r"(?<!\w)'(?:[^'\\]|\\.|(?<=\w)'(?=\w))*'(?!\w)"
    r'|(?<!\w)"(?:[^"\\]|\\.)*"(?!\w)'
    r"|“[^”]*”|‘[^’]*’|«[^»]*»|`[^`]*`"
)
_OPEN_QUOTE = re.compile(r"(?:(?<=[\s(\[{:=,])|^)['\"“‘«`].*$")
_PATH = re.compile(r"(?:[A-Za-z]:)?(?:(?<![\w/\\])[~.]{0,2}[/\\][\w.@+~-]+)(?:[/\\][\w.@+~-]*)+")
_HEX = re.compile(
    r"\b0[xX][0-9a-fA-F]+\b"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|(?<![\w.])(?=\d*[a-fA-F])(?:[0-9a-f]{8,}|[0-9A-F]{8,})\b"
)
_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d+(?:[.,_]\d+)*\.?(?=\D|$)|\.\d+)(?:[eE][-+]?\d+)?(?!\w*\.\w)"
    r"|(?<![\w.])[-+]?(?:nan|inf)(?!\w)"
)
GAP = "…"
_PLACEHOLDER = re.compile("‹(?:…|n|path)›")
_HELD = re.compile(r"(?:\b[A-Za-z_][\w.]*)?\(…\)|\[…\]|\{…\}|[\[({]…$")
_GAPS = re.compile(r"…(?:[\s,;:=x×.-]*…)+")
_SERIES = re.compile(r"(‹(?:…|n|path)›)(?:[\s,;]+\1)+")


@dataclass(frozen=True)
class Cause:
    """The cause of a failure: the exception's type ("" where none is known), its message without
    what differs from run to run, and the failing step's path in the pipeline ("" where unknown)."""

    exception: str
    title: str
    step: str

    def fingerprint(self, *, code: str, model_id: int) -> str:
        """Return 32 hex digits: the same error class, exception, message and step of the same
        model."""
        parts = [code, self.exception, self.title, self.step, model_id]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def cause_of(*, message: str, traceback: str, step: str = "", values: Iterable[str] = ()) -> Cause:
    """Return the cause of a failure with this message and traceback. ``values`` are texts that the
    person gave: where the message repeats one without quotes, it is taken out, too."""
    exception, said = raised_by(traceback) or _told_by(message) or ("", message)
    return Cause(
        exception.rpartition(".")[2][:MAX_EXCEPTION],
        _cut(normalised(said, values)),
        step[:MAX_STEP],
    )


def _cut(title: str) -> str:
    return title if len(title) <= MAX_TITLE else f"{title[: MAX_TITLE - 1]}…"


def raised_by(traceback: str) -> tuple[str, str] | None:
    """Return the type and the message of the exception that a traceback ends with."""
    lines = traceback.rstrip().splitlines()
    framed = [place for place, line in enumerate(lines) if _FRAME_FILE.match(line)]
    if not framed:
        return None
    for place in range(framed[-1] + 1, len(lines)):
        if lines[place][:1].isspace():
            continue
        match = _LAST_LINE.match("\n".join(lines[place:]))
        return (match[1], match[2] or "") if match else None
    return None


def _told_by(message: str) -> tuple[str, str] | None:
    match = _TOLD.match(message.strip())
    return (match[1], match[2]) if match else None


def normalised(message: str, values: Iterable[str] = ()) -> str:
    """Return the message in one line, without values, quoted texts, paths, hex digits and
    numbers."""
    text = " ".join(message[:_MOST_READ].split())
    text = hidden(text, values, VALUE)
    text = _QUOTED.sub(VALUE, text)
    text = _OPEN_QUOTE.sub(VALUE, text)
    text = _PATH.sub(PATH, text)
    text = _HEX.sub(NUMBER, text)
    text = _NUMBER.sub(NUMBER, text)
    return _SERIES.sub(r"\1", text)


def readable(title: str) -> str:
    """Return a cause's title for people: an ellipsis where a value, a number or a path was taken
    out, with the call or the bracket that held nothing else ("dtype(‹…›)", "[‹n›]")."""
    text = _PLACEHOLDER.sub(GAP, title)
    while (shorter := _HELD.sub(GAP, _GAPS.sub(GAP, text))) != text:
        text = shorter
    return text


def hidden(text: str, values: Iterable[str], mark: str) -> str:
    """Replace every value that is a separate word in ``text`` by ``mark``."""
    given = sorted({value for value in values if value.strip()}, key=len, reverse=True)
    if not given:
        return text
    found = "|".join(re.escape(value) for value in given)
    return re.sub(rf"(?<!\w)(?:{found})(?!\w)", mark, text)
