"""A traceback prepared for display: our own calls open, those of libraries folded. Pure."""

import re
from dataclasses import dataclass, field

_FRAME = re.compile(r'^\s+File "(?P<file>.*?)", line (?P<line>\d+)(?:, in (?P<function>.*))?$')
_CARETS = re.compile(r"^\s*[\^~]+\s*$")
_STANDARD = re.compile(
    r"(?:^|/)lib/python[\d.]+/(?!site-packages|dist-packages)|^<frozen |^<string>"
)
_LIBRARIES = frozenset(
    {"Python", "joblib", "lightgbm", "numpy", "pandas", "scipy", "skops", "sklearn", "xgboost"}
)
"""The packages of libraries. Other packages are a model's own code, which a superuser approved."""

_HOST = re.compile(r"(?:^|/)model_host/")
_HEADS = ("Traceback (most recent call last):",)


@dataclass(frozen=True)
class Frame:
    """One call; ``variables`` are (name, text) where they were recorded."""

    file: str
    line: int
    function: str
    code: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def is_library(self) -> bool:
        return self.package in _LIBRARIES

    @property
    def place(self) -> str:
        """The file from the package on."""
        for root in ("site-packages/", "dist-packages/"):
            if root in self.file:
                return self.file.rpartition(root)[2]
        if found := _HOST.search(self.file):
            return self.file[found.start() :].lstrip("/")
        return self.file

    @property
    def package(self) -> str:
        if _STANDARD.search(self.file):
            return "Python"
        return self.place.partition("/")[0].removesuffix(".py")


@dataclass(frozen=True)
class Item:
    """A call, several calls of libraries that are folded, or what was raised."""

    kind: str
    frames: tuple[Frame, ...] = ()
    exception: str = ""
    text: str = ""

    @property
    def packages(self) -> str:
        return ", ".join(dict.fromkeys(frame.package for frame in self.frames))


@dataclass
class _Reading:
    items: list[Item] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def end_block(self) -> None:
        self.items += folded(tuple(self.frames))
        text = "\n".join(self.said).strip()
        if text:
            exception, _, words = text.partition(": ")
            self.items.append(Item("raise", exception=exception, text=words))
        self.frames, self.said = [], []


def read_stack(traceback: str) -> list[Item]:
    """Return the items of a traceback, in the order in which it tells them."""
    reading = _Reading()
    for line in traceback.splitlines():
        if line.strip() in _HEADS:
            reading.end_block()
        elif match := _FRAME.match(line):
            if reading.said:
                reading.end_block()
            reading.frames.append(Frame(match["file"], int(match["line"]), match["function"] or ""))
        elif reading.frames and not reading.said and line[:1].isspace():
            if not _CARETS.match(line) and not reading.frames[-1].code:
                last = reading.frames.pop()
                reading.frames.append(Frame(last.file, last.line, last.function, line.strip()))
        elif line.strip() or reading.said:
            reading.said.append(line)
    reading.end_block()
    return reading.items


def folded(frames: tuple[Frame, ...]) -> list[Item]:
    """Fold consecutive library calls into one item each; the last call stays open, since it
    raised."""
    items: list[Item] = []
    run: list[Frame] = []

    def close() -> None:
        if len(run) > 1:
            items.append(Item("fold", tuple(run)))
        elif run:
            items.append(Item("library", tuple(run)))
        run.clear()

    for frame in frames[:-1]:
        if frame.is_library:
            run.append(frame)
            continue
        close()
        items.append(Item("own", (frame,)))
    close()
    if frames:
        items.append(Item("library" if frames[-1].is_library else "own", frames[-1:]))
    return items
