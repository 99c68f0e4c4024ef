"""The terminal output of the stack: each line prefixed with its part's name; the logs hold all."""

import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO

from config.stack.supervision.parts import Part

MAX_LOG_BYTES = 5_000_000
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class Log:
    """The log file of one part: limited in size, and write errors are ignored (the disk may be
    full)."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.last: deque[str] = deque(maxlen=40)

    def write(self, line: str) -> None:
        self.last.append(line)
        try:
            if self.file.exists() and self.file.stat().st_size > MAX_LOG_BYTES:
                self.file.replace(self.file.with_suffix(".log.1"))
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        except OSError:
            return

    def last_words(self) -> str:
        """Return the last line that says something; of an error, the line that names it."""
        return next((line.strip() for line in reversed(self.last) if line.strip()), "no message")


class Console:
    """The terminal, shared by every part's reader thread."""

    def __init__(self, folder: Path, *, shows_parts: bool = True) -> None:
        self.folder = folder
        self.shows_parts = shows_parts
        self.stream = sys.stdout
        self.has_colours = self.stream.isatty()
        self.lock = threading.Lock()
        self.logs: dict[str, Log] = {}

    def say(self, text: str, *, of: str = "stack") -> None:
        """Print one line prefixed with the name `of` its part; a closed terminal is no error."""
        name = f"{of:<10}"
        if self.has_colours:
            name = f"\033[{COLOURS[sum(of.encode()) % len(COLOURS)]}m{name}\033[0m"
        with self.lock:
            try:
                self.stream.write(f"{name} {text}\n")
                self.stream.flush()
            except (OSError, ValueError):
                return

    def log_of(self, name: str) -> Log:
        return self.logs.setdefault(name, Log(self.folder / "log" / f"{name}.log"))

    def follow(self, part: Part, stream: IO[bytes]) -> threading.Thread:
        """Read a part's output to its end, in a thread of its own."""
        log = self.log_of(part.name)

        def read() -> None:
            with stream:
                for raw in stream:
                    line = raw.decode("utf-8", "replace").rstrip()
                    log.write(line)
                    if part.is_shown and self.shows_parts and line:
                        self.say(line, of=part.name)

        thread = threading.Thread(target=read, name=f"output of {part.name}", daemon=True)
        thread.start()
        return thread
