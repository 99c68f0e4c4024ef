"""The values of a choice input: their labels, and the spellings that are accepted. Pure."""

import difflib
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any

from model_host.protocol.inputs import Scalar
from models_registry.inputs.number_text import format_number

SIMILAR = 0.75
"""The similarity (difflib's ratio) from which a choice is suggested for a word."""
_MANY = 500
"""With more choices a word is only compared with those that begin with the same letter."""


def choice_text(value: Scalar) -> str:
    """Format a choice's raw value, whole numbers in all their digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_number(value) if isinstance(value, int | float) else str(value)


def same_value(one: Scalar, other: Any) -> bool:
    return (
        one == other
        and isinstance(one, bool) == isinstance(other, bool)
        and (isinstance(one, str) == isinstance(other, str))
    )


def plain(text: str) -> str:
    """Return the text in lower case and without accents."""
    decomposed = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


class Choices:
    """The (value, label) pairs of a choice, indexed for constant-time lookup."""

    def __init__(self, pairs: Iterable[tuple[Scalar, str]]) -> None:
        self.pairs = tuple(pairs)
        self._by_value = {_key(pair[0]): pair for pair in reversed(self.pairs)}

    @cached_property
    def _by_text(self) -> dict[str, Scalar]:
        """The choices by their text: by raw value first, by label if no value has that text."""
        texts = {label.strip(): value for value, label in reversed(self.pairs)}
        texts |= {label: value for value, label in reversed(self.pairs)}
        return texts | {choice_text(value): value for value, _ in reversed(self.pairs)}

    @cached_property
    def _by_plain(self) -> dict[str, list[Scalar]]:
        found: dict[str, list[Scalar]] = {}
        for value, label in self.pairs:
            for text in {plain(label), plain(choice_text(value))} - {""}:
                found.setdefault(text, []).append(value)
        return found

    @cached_property
    def _by_moment(self) -> dict[datetime, Scalar]:
        moments = ((_moment(value), value) for value, _ in reversed(self.pairs))
        return {moment: value for moment, value in moments if moment is not None}

    @cached_property
    def are_numbers(self) -> bool:
        return bool(self.pairs) and all(
            isinstance(value, int | float) and not isinstance(value, bool)
            for value, _ in self.pairs
        )

    @cached_property
    def are_whole(self) -> bool:
        return self.are_numbers and all(isinstance(value, int) for value, _ in self.pairs)

    @cached_property
    def are_texts(self) -> bool:
        return bool(self.pairs) and all(isinstance(value, str) for value, _ in self.pairs)

    @cached_property
    def are_truths(self) -> bool:
        return bool(self.pairs) and all(isinstance(value, bool) for value, _ in self.pairs)

    def __contains__(self, value: Any) -> bool:
        return _key(value) in self._by_value

    def known(self, value: Any) -> Scalar:
        """Return the choice that equals this value, in the choice's own type; the value itself
        where none is."""
        return self._by_value[_key(value)][0] if value in self else value

    def label_of(self, value: Any) -> str | None:
        return self._by_value[_key(value)][1] if value in self else None

    def found(self, value: Scalar) -> Scalar | None:
        """Return the choice that a configuration or a table names: by value, by text or by label,
        in any way of writing; None where none is."""
        if value in self:
            return self.known(value)
        text = value if isinstance(value, str) else choice_text(value)
        written = self.written(text)
        return self.meant(text) if written is None else written

    def written(self, text: str) -> Scalar | None:
        """Return the choice whose raw value or label is exactly this text; None where none is."""
        return self._by_text.get(text)

    def meant(self, text: str) -> Scalar | None:
        """Return the one choice that is meant: blanks around it, case and accents forgiven, a
        moment written in another way."""
        found = self._by_text.get(text.strip()) if text.strip() else None
        if found is not None:
            return found
        alike = self._by_plain.get(plain(text), [])
        if len(alike) == 1:
            return alike[0]
        moment = _moment(text)
        return None if moment is None else self._by_moment.get(moment)

    def similar(self, text: str) -> str | None:
        """Return the label that is most like a text, if any is; no date is like another."""
        if _moment(text) is not None:
            return None
        word = plain(text)
        labels = {plain(label): label for _, label in self.pairs}
        near: Iterable[str] = labels
        if len(labels) > _MANY:
            near = [
                one
                for one in labels
                if one[:1] == word[:1] and abs(len(one) - len(word)) <= 1 + len(word) // 3
            ]
        found = difflib.get_close_matches(word[:200], near, n=1, cutoff=SIMILAR)
        return labels[found[0]] if found else None

    def carried(self, value: Scalar) -> str:
        """Return the text that a form carries for a choice, so that it reads back as the choice and
        as nothing else: its raw value, or its label where a browser would change or lose that."""
        raw = choice_text(value)
        label = self.label_of(value)
        is_safe = raw.strip() and not set(raw) & {"\r", "\n"}
        return raw if is_safe or label is None else label

    def shown(self, value: Scalar) -> str:
        """Return the text that a text field shows for a choice: its label where that reads
        back."""
        label = self.label_of(value)
        is_read_back = label is not None and same_value(self.written(label), value)
        return label if label is not None and is_read_back else self.carried(value)


def _key(value: Any) -> tuple[bool, bool, Any]:
    return isinstance(value, bool), isinstance(value, str), value


def _moment(value: Any) -> datetime | None:
    """The moment that a text names in ISO 8601."""
    if not isinstance(value, str) or len(value) > 40 or not value[:4].isdecimal():
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None
