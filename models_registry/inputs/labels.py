"""Generated labels of inputs, choices and classes: readable and unique.

Pure. A label that a person wrote is never changed; generated ones are changed to differ from it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from config.text.plain_text import escaped, unturned
from model_host.protocol.inputs import Scalar
from models_registry.inputs.choices import choice_text

LONGEST_LABEL = 200
_JOINERS = frozenset("\u200c\u200d\u200e\u200f\u061c")
"""Characters without a width that scripts and emoji need."""
_EDGE_SPACES = re.compile(r"^ +| +$| {2,}")


def readable(name: str) -> str:
    """Convert a training column's name to a label: "loan_amount" is "Loan amount"."""
    words = " ".join(visible(name).replace("_", " ").split())
    return words[:1].upper() + words[1:] or name


def visible(text: str) -> str:
    r"""Return the text with every character visible: control characters, direction marks and
    invisible ones are written as ``\x92``. Line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(map(_visible, escaped(text, keep="\n\t")))


def _visible(character: str) -> str:
    is_hidden = unicodedata.category(character) == "Cf" and character not in _JOINERS
    return character.encode("unicode_escape").decode() if is_hidden else character


def choice_label(value: Scalar) -> str:
    r"""Return the label of a category: "(empty)", "(2 spaces)"; blanks at its ends are dots, line
    breaks and tabs are written as ``\n`` and ``\t``."""
    if isinstance(value, bool) or not isinstance(value, str):
        return str(value) if isinstance(value, bool) else choice_text(value)
    if not value:
        return "(empty)"
    if not value.strip(" "):
        return "(1 space)" if len(value) == 1 else f"({len(value)} spaces)"
    if not value.strip():
        return value.encode("unicode_escape").decode()
    text = visible(value).replace("\n", "\\n").replace("\t", "\\t")
    return _EDGE_SPACES.sub(lambda spaces: "·" * len(spaces[0]), text)


def distinct_choices(
    choices: Sequence[tuple[Scalar, str]],
) -> tuple[tuple[Scalar, str], ...]:
    """Return the choices with labels that can be told apart: of those that look alike, or that are
    what another one is in itself, each is followed by its value."""
    values = {choice_text(value): place for place, (value, _) in enumerate(choices)}

    def is_taken(place: int, label: str) -> bool:
        return values.get(label, place) != place

    words = [(choice_label(value), ascii(choice_text(value))) for value, _ in choices]
    labels = distinct(
        [label for _, label in choices],
        [
            said[1:] if said[0] == label else said
            for said, (_, label) in zip(words, choices, strict=True)
        ],
        is_taken=is_taken,
    )
    return tuple((value, label) for (value, _), label in zip(choices, labels, strict=True))


def distinct(
    labels: Sequence[str],
    beside: Sequence[tuple[str, ...]],
    *,
    kept: Collection[int] = (),
    is_taken: Callable[[int, str], bool] = lambda _, __: False,
) -> list[str]:
    """Return the labels, where several look alike each with its entry of ``beside`` behind
    it: the first of these words that tells them apart, else its place. Those at the places ``kept``
    stay as they are."""
    made = list(labels)
    counted = Counter(map(_look, labels))
    alike = [
        place
        for place, label in enumerate(labels)
        if place not in kept and (counted[_look(label)] > 1 or is_taken(place, label))
    ]
    taken = set(counted) if alike else set()
    for place in alike:
        words = (*beside[place], str(place + 1))
        longer = (_with(labels[place], word) for word in words if _look(word))
        made[place] = next(
            (one for one in longer if _look(one) not in taken and not is_taken(place, one)),
            _with(labels[place], f"{words[0][:20]}, {place + 1}"),
        )
        taken.add(_look(made[place]))
    return made


def _with(label: str, word: str) -> str:
    word = word if len(word) <= 80 else f"{word[:79]}…"
    return f"{label[: LONGEST_LABEL - len(word) - 3]} ({word})"


def _look(label: str) -> str:
    """The visible form of a label: without zero-width characters, with single spaces."""
    if label.isascii():
        return " ".join(label.split())
    seen = "".join(c for c in unturned(label) if c not in _JOINERS)
    return " ".join(unicodedata.normalize("NFC", seen).split())
