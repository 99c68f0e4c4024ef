"""Readers of the values in a training configuration: what a key takes, in words for the
documentation and as the check. Pure.

A mapping with known keys is a frozen dataclass; a field is ``Annotated`` with its reader and its
meaning, and one without a default is needed. A reader raises Unfit, which says what is wrong and
the way out; each level around it adds the place.
"""

import math
from collections.abc import Callable, Mapping, Sized
from dataclasses import MISSING, dataclass, fields
from functools import cache, partial
from typing import Annotated, Any, TypeVar, cast, get_type_hints

from config.text.numbers import count_text
from models_registry.inputs.feature_spec import MAX_TEXT_LENGTH, Scalar
from models_registry.inputs.number_text import as_float

MAX_WORDS = 100
"""Letters of a metric's or a library's name, or of a library's version."""
MAX_ENTRIES = 200
"""Metrics, libraries, facts about the data, keys without a meaning."""

T = TypeVar("T")


class Unfit(ValueError):
    """A value that cannot be used. ``says`` continues a sentence that begins with the place."""

    def __init__(self, says: str, place: str = "") -> None:
        about = f"“{place}” in the" if place else "The"
        super().__init__(f"{about} training configuration {says}")
        self.says, self.place = says, place


@dataclass(frozen=True)
class Reader:
    """What a key takes, in words; how it is read; and the dataclass of the mappings in it."""

    words: str
    read: Callable[[Any], Any]
    model: type | None = None


@dataclass(frozen=True)
class Key:
    """A key of the configuration, and what its value means."""

    name: str
    reader: Reader
    meaning: str
    is_needed: bool


@cache
def keys_of(model: type) -> tuple[Key, ...]:
    """Return the keys of the mapping that ``model`` describes."""
    hints = get_type_hints(model, include_extras=True)
    keys = []
    for item in fields(model):
        reader, meaning = hints[item.name].__metadata__
        is_needed = item.default is MISSING and item.default_factory is MISSING
        keys.append(Key(item.name, reader, meaning, is_needed))
    return tuple(keys)


def read_mapping(model: type[T], given: Any) -> T:
    """Build the dataclass ``model``; a key without a value is absent, and unknown ones are passed
    over. Raises Unfit."""
    _check_mapping(given)
    values = {}
    for key in keys_of(model):  # type: ignore[arg-type]
        value = given.get(key.name)
        if key.is_needed and value in (None, ""):
            raise Unfit(f"must be a mapping with “{key.name}”. Add {key.meaning}.")
        if value is not None:
            values[key.name] = at(key.name, key.reader.read, value)
    return model(**values)


def at(place: str, read: Callable[[Any], T], value: Any) -> T:
    """Read a value that stands at ``place``, which is a key or ``[number]``."""
    try:
        return read(value)
    except Unfit as error:
        point = "." if error.place and not error.place.startswith("[") else ""
        raise Unfit(error.says, f"{place}{point}{error.place}") from None


def few(things: Sized, most: int, what: str) -> None:
    """Raise Unfit for more than ``most`` things."""
    if (count := len(things)) > most:
        raise Unfit(
            f"has {count_text(count)} {what}; at most {count_text(most)} {what} are kept. "
            "Leave some out."
        )


def shown(value: object) -> str:
    """Return the beginning of a value in quotes."""
    said = str(value)
    return f"“{said[:40]}…”" if len(said) > 40 else f"“{said}”"


def scalar(value: Any, most: int = MAX_TEXT_LENGTH) -> Scalar:
    if isinstance(value, dict | list):
        raise Unfit("must be one value. Write a number, a text, true or false.")
    if (length := len(str(value))) > most:
        raise Unfit(
            f"must be a text of at most {count_text(most)} characters. "
            f"It has {count_text(length)}: shorten it."
        )
    return cast("Scalar", value)


def text(most: int) -> Reader:
    def read(value: Any) -> str:
        if isinstance(value, dict | list):
            raise Unfit("must be a text. Write it in quotes on one line, or leave it out.")
        return str(scalar(value, most))

    return Reader(f"text of at most {most:,} characters", read)


def number(value: Any, *, above: float = -math.inf) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unfit(f"must be a number. {shown(value)} is not one: correct it or leave it out.")
    if value <= above:
        raise Unfit(f"must be a number above {above}. Correct it or leave it out.")
    return as_float(value)


def yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit(f"must be true or false. {shown(value)} is neither.")
    return value


One = Annotated[Scalar, Reader("one value", scalar)]
Number = Annotated[int | float | None, Reader("number", number)]
Positive = Annotated[int | float | None, Reader("number above 0", partial(number, above=0))]
YesOrNo = Annotated[bool | None, Reader("true or false", yes_or_no)]


def whole(most: int) -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise Unfit(f"must be a whole number from 1 to {count_text(most)}. Correct it.")
        return value

    return Reader(f"whole number from 1 to {most:,}", read)


def one_of(values: Mapping[str, T], *usual: str) -> Reader:
    """A reader of one of the words, of which the sentences name the usual ones."""

    def read(value: Any) -> T:
        if (word := str(value).lower()) not in values:
            raise Unfit(f"must be {', '.join(usual[:-1])} or {usual[-1]}. Not {shown(value)}.")
        return values[word]

    return Reader(", ".join(f"`{word}`" for word in usual), read)


def mapping(model: type) -> Reader:
    return Reader("mapping", partial(read_mapping, model), model)


def many(entry: Reader, most: int, what: str) -> Reader:
    """A reader of a list of at most ``most`` entries."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Unfit("must be a list. Write one entry for each line, beginning with “- ”.")
        few(value, most, what)
        return tuple(at(f"[{index}]", entry.read, one) for index, one in enumerate(value))

    return Reader(f"list of at most {most:,} {what}, each a {entry.words}", read, entry.model)


def named(words: str, most: int) -> Reader:
    """A reader of a mapping of any names to anything; a text has at most ``most`` characters."""

    def check(value: Any) -> None:
        if not isinstance(value, dict | list):
            scalar(value, most)

    def read(given: Any) -> Mapping[str, Any]:
        _check_mapping(given)
        few(given, MAX_ENTRIES, "entries")
        for name, value in given.items():
            scalar(name, MAX_WORDS)
            at(name, check, value)
        return cast("Mapping[str, Any]", given)

    return Reader(f"mapping of at most {MAX_ENTRIES} names to {words}", read)


def _check_mapping(given: Any) -> None:
    if not isinstance(given, dict):
        raise Unfit("must be a mapping. Write keys with their values.")
