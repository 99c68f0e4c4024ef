"""The log of an attempt: one line per event, with its time, level and text; never a value.

Pure. A line reads ``+0.012 s INFO model was warm``: seconds from the claim.
"""

import re
import time
from dataclasses import dataclass
from typing import Literal

from config.text.numbers import decimal_text

Level = Literal["INFO", "WARNING", "ERROR"]

_LINE = re.compile(r"\+(\d+\.\d{3}) s (INFO|WARNING|ERROR) (.*)")


@dataclass(frozen=True)
class LogLine:
    """One line; ``seconds`` is None and ``level`` INFO if it is not in our format."""

    seconds: float | None
    level: str
    event: str

    @property
    def time_text(self) -> str:
        return "" if self.seconds is None else f"+{decimal_text(self.seconds, 3)} s"


def written(seconds: float, level: Level, event: str) -> str:
    """Format the line for storage; an event is always one line."""
    return f"+{max(seconds, 0.0):.3f} s {level} {' '.join(event.split())}"


def read(log: str) -> tuple[LogLine, ...]:
    """Parse the lines of a stored log."""
    return tuple(_read_line(line) for line in log.splitlines() if line.strip())


def _read_line(line: str) -> LogLine:
    match = _LINE.fullmatch(line)
    if match is None:
        return LogLine(None, "INFO", line)
    return LogLine(float(match[1]), match[2], match[3])


class AttemptLog:
    """The collector of the lines of an attempt claimed at ``claimed_at`` on the monotonic clock."""

    def __init__(self, claimed_at: float) -> None:
        self._claimed_at = claimed_at
        self._lines: list[str] = []

    def add(self, event: str, level: Level = "INFO") -> None:
        self._lines.append(written(time.monotonic() - self._claimed_at, level, event))

    @property
    def text(self) -> str:
        return "\n".join(self._lines)
