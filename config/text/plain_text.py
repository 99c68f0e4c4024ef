"""Names inside sentences, and control characters of text: those that end a line, control a
terminal, or reverse the direction of the text around them.

Unicode Standard Annex 9 has the bidirectional ones: embeddings and overrides (U+202A to U+202E) and
isolates (U+2066 to U+2069).
"""

import re
from collections.abc import Sequence

from config.text.numbers import count_text

_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")

_EMBEDDING = re.compile("[\u202a-\u202e]")
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff"
    "\U0001e800-\U0001efff]"
)


def escaped(text: str, *, keep: str = "") -> str:
    r"""Escape control and direction characters of a text for a log or a terminal: an escape
    character becomes ``\x1b``. Characters of ``keep`` stay."""

    def written(found: re.Match[str]) -> str:
        character = found[0]
        return character if character in keep else character.encode("unicode_escape").decode()

    return _TURNING.sub(written, _STEERING.sub(written, text))


def unfit(text: str) -> str:
    """Return the first character that is not allowed in a text, as "U+001B"; "" if there is none.
    Tabs and line ends are fit; PostgreSQL refuses NUL and halves of a surrogate pair."""
    found = _UNFIT.search(text)
    return f"U+{ord(found[0]):04X}" if found else ""


def unturned(text: str) -> str:
    """Return the text without characters that change the direction of the text around them."""
    return _TURNING.sub("", text)


def isolated(text: str) -> str:
    """Isolate a name inside a sentence: if it is written right to left or with direction
    characters, it stands between isolates, so that it turns nothing but itself."""
    if not _RIGHT_TO_LEFT.search(text):
        return text
    return f"\u2068{unturned(text)}\u2069"


def listed(names: Sequence[str], kind: str, most: int = 3) -> str:
    """Return names for the middle of a sentence, the first of many: "A, B, C and 2 more groups"."""
    shown = [isolated(name) for name in (names if len(names) == most + 1 else names[:most])]
    if len(names) > len(shown):
        return f"{', '.join(shown)} and {count_text(len(names) - most)} more {kind}"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def settled(text: str) -> str:
    """Return a text of several authors, line by line without what would reverse the rest of the
    line, and without what steers: embeddings and overrides go, isolates stay where they are
    closed."""
    return "\n".join(_closed(_UNFIT.sub("", line)) for line in text.split("\n"))


def _closed(line: str) -> str:
    if not _TURNING.search(line):
        return line
    kept, open_at = list(_EMBEDDING.sub("", line)), list[int]()
    for place, character in enumerate(kept):
        if character in "\u2066\u2067\u2068":
            open_at.append(place)
        elif character == "\u2069":
            if open_at:
                open_at.pop()
            else:
                kept[place] = ""
    for place in open_at:
        kept[place] = ""
    return "".join(kept)


def unfit_in_name(text: str) -> str:
    """Return the first character that is not allowed in a one-line name, as "U+202E"; "" if there
    is none: all that steer, line ends and tabs among them, and all that turn."""
    found = _STEERING.search(text) or _TURNING.search(text)
    return f"U+{ord(found[0]):04X}" if found else ""
