"""The conversion of values of a fitted model into ones that survive JSON unchanged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from model_host.protocol.inputs import Scalar

_MAX_TEXT = 1000


class NotAScalar(ValueError):
    """The value has no exact JSON form: an array, a date, NaN, a text that PostgreSQL refuses."""


def as_scalar(value: Any) -> Scalar:
    """Convert ``value`` to the bool, int, finite float or str that is equal to it.

    float32 becomes the float64 of exactly the same value. None stays None. Raises NotAScalar for
    everything else, NaN and infinities included.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    if isinstance(value, np.timedelta64):  # to NumPy a kind of integer
        raise NotAScalar(as_text(value))
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating) and math.isfinite(value):
        return float(value)
    if isinstance(value, str) and is_plain_text(value):
        return str(value)
    raise NotAScalar(as_text(value))


def is_plain_text(text: str) -> bool:
    """Return whether JSON, PostgreSQL and UTF-8 all take the text: no NUL, no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def as_text(value: Any) -> str:
    """Return readable text for a ``value`` that has no JSON form; at most 1,000 characters."""
    text = ascii(value) if isinstance(value, str) else str(value)
    if not is_plain_text(text):
        text = ascii(text)
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def as_scalar_or_text(value: Any) -> Scalar:
    """Convert with ``as_scalar``, or to readable text if that fails: for the labels of classes."""
    try:
        return as_scalar(value)
    except NotAScalar:
        return as_text(value)


def is_missing(value: Any) -> bool:
    """Return whether the value stands for "not known": None, NaN and NaT of any kind, pandas'
    NA."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float | np.floating) and math.isnan(value))
        or (isinstance(value, Decimal) and value.is_nan())
    )


def category_texts(categories: Sequence[Any]) -> list[tuple[str, str]] | None:
    """Return for each category that is no number and no text the text that stands for it, and a
    shorter one to read ("" where there is none); None where two would be written alike.

    Moments are written as in ISO 8601, and read without a time of day that none of them has.
    """
    texts = [_category_text(one) for one in categories]
    if len(set(texts)) < len(texts) or not all(map(is_plain_text, texts)):
        return None
    readings = [_reading(one, text) for one, text in zip(categories, texts, strict=True)]
    for ending in (" 00:00:00", ":00"):
        if all(reading.endswith(ending) and "+" not in reading for reading in readings):
            readings = [reading.removesuffix(ending) for reading in readings]
            break
    if len(set(readings)) < len(readings):
        return [(text, "") for text in texts]
    return list(zip(texts, readings, strict=True))


def _reading(value: Any, text: str) -> str:
    if isinstance(value, np.datetime64 | datetime):
        return text.replace("T", " ")
    return format(value.normalize(), "f") if isinstance(value, Decimal) else text


def _category_text(value: Any) -> str:
    if isinstance(value, np.datetime64 | np.timedelta64):
        try:
            value = pd.Timestamp(value) if isinstance(value, np.datetime64) else pd.Timedelta(value)
        except (ValueError, OverflowError):  # beyond what pandas counts
            return as_text(value)
    if isinstance(value, date | time):  # a Timestamp and a datetime are dates, too
        return value.isoformat()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return value if isinstance(value, str) and is_plain_text(value) else as_text(value)
