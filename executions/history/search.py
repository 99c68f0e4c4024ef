"""The parser of the history's search language: terms that must all hold.

Pure. ``word``, ``"two words"``, ``-word``; ``name:value``, ``name=value``, ``name>5``, ``name<=5``,
``name:10..20``; ``is:failed``, ``version:3``. A name or a value with spaces needs quotes, and a
quoted text is never anything else. A name begins with a letter, unless an input is called
otherwise: ``14:30`` and ``1=1`` are words.
"""

import re
from dataclasses import dataclass

STATUS = "is"
VERSION = "version"
OPERATORS = (">=", "<=", ":", "=", ">", "<")

_QUOTED = r'"[^"]*+(?:"|\Z)'
_TERM = re.compile(
    rf"(?P<minus>-(?=\S))?"
    rf"(?:(?P<name>{_QUOTED}|[^\s\":=<>]+)(?P<operator>>=|<=|[:=<>])(?P<value>{_QUOTED}|\S*)"
    rf"|(?P<word>{_QUOTED}|\S+))"
)


@dataclass(frozen=True)
class Word:
    """A text that occurs in the inputs, the result or the note, or that the ID begins with."""

    text: str
    is_excluded: bool = False


@dataclass(frozen=True)
class Comparison:
    """A condition on an input, the status (``is``) or the version. ``operator`` is one of
    OPERATORS, or ``..`` for a range from ``value`` to ``upper``, both included; either may be
    empty."""

    name: str
    operator: str
    value: str
    upper: str = ""
    is_excluded: bool = False

    @property
    def text(self) -> str:
        """The typed text without quotes: searched for as words if the term is not a comparison
        after all."""
        if self.operator == "..":
            return f"{self.name}:{self.value}..{self.upper}"
        return f"{self.name}{self.operator}{self.value}"


Term = Word | Comparison


def parse(text: str) -> tuple[Term, ...]:
    """Parse a search. Every text is valid: whatever is not a comparison is words."""
    found = (_term(match) for match in _TERM.finditer(text))
    return tuple(term for term in found if not isinstance(term, Word) or term.text)


def _term(match: re.Match[str]) -> Term:
    is_excluded = match["minus"] is not None
    if match["name"] is None:
        return Word(_bare(match["word"]), is_excluded)
    name, operator, value = _bare(match["name"]), match["operator"], match["value"]
    low, dots, high = value.partition("..")
    if operator == ":" and dots and not value.startswith('"') and (low or high):
        return Comparison(name, "..", low, high, is_excluded)
    return Comparison(name, operator, _bare(value), is_excluded=is_excluded)


def _bare(text: str) -> str:
    """Without its quotes; whatever white space separates words counts as one space."""
    return " ".join((text[1:].removesuffix('"') if text.startswith('"') else text).split())
