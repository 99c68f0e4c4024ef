"""The call of a model: the type of its argument, and the names of its inputs.

The fitted object has these facts. If its first step keeps neither names nor a number of columns,
the names come from outside, or from the first later step that keeps some; the container is then
found by trial calls.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.isotonic import IsotonicRegression
from sklearn.svm._base import BaseLibSVM

from model_host.answering.one_row import one_row
from model_host.answering.prediction import undisturbed
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, Container, InputLayout, Kind, Scalar
from model_host.structure.anatomy import (
    TEXT_VECTORIZERS,
    entrance_of,
    first_that_knows,
    from_entrance,
    keys_of,
    takes_records,
    takes_texts,
    vocabulary_of,
)
from model_host.structure.report_limits import MOST_FEATURES
from model_host.structure.routes import is_sklearn
from model_host.structure.scalars import is_plain_text

_MOST_LEFT_OUT = 30
"""The maximum number of names that are tried to be left out."""


@dataclass(frozen=True)
class Entry:
    """The container, the names in training order (x0, x1, … if unknown), and the source of the
    names. ``is_told``: the object itself has them."""

    container: Container
    names: list[str]
    source: str
    is_told: bool = True


def entry_of(estimator: Any, given: Sequence[str] = (), given_by: str = "") -> Entry:
    """Return how the model is called. ``given``: names for an object that has none, from the source
    ``given_by``. Raises HostError LOAD if the names are unknown, not unique, or too many."""
    entry = _entry(estimator, list(given), given_by)
    names = entry.names
    if not names:
        raise HostError("LOAD", "The model takes no inputs.")
    if len(names) > MOST_FEATURES:
        raise HostError(
            "LOAD",
            f"The model takes {len(names):,} inputs; at most {MOST_FEATURES:,} can be entered.",
        )
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise HostError("LOAD", f"Two inputs of the model have the same name, {twice}.")
    unfit = next((name for name in names if not is_plain_text(name)), None)
    if unfit is not None:
        raise HostError("LOAD", f"An input has a name that cannot be stored: {unfit!a}.")
    return entry


def _entry(estimator: Any, given: list[str], given_by: str) -> Entry:
    if takes_texts(estimator):
        return Entry("texts", ["text"], "text vectorizer")
    if takes_records(estimator):
        if keys := keys_of(estimator):
            return Entry("records", keys, "DictVectorizer")
        if given:
            return Entry("records", given, given_by, is_told=False)
        raise _unknown(estimator)
    named = from_entrance(estimator, "feature_names_in_")
    if named is not None:
        return Entry("frame", [str(name) for name in named], "feature_names_in_")
    count = from_entrance(estimator, "n_features_in_")
    if count is None and isinstance(estimator, IsotonicRegression):
        count = 1
    if count is None and isinstance(estimator, BaseLibSVM) and callable(estimator.kernel):
        rows = vars(estimator).get("_BaseLibSVM__Xfit")  # it notes nothing else of its inputs
        if isinstance(rows, pd.DataFrame):
            return Entry("frame", [str(name) for name in rows.columns], "rows it was fitted on")
        count = rows.shape[1] if isinstance(rows, np.ndarray) and rows.ndim == 2 else None
    if count is not None:
        return Entry("array", _numbered(int(count)), "position")
    return _from_others(estimator, given, given_by)


def _from_others(estimator: Any, given: list[str], given_by: str) -> Entry:
    """The names that were given, else those of the first later step that keeps some."""
    later = first_that_knows(estimator)
    source = given_by if given else type(later).__name__
    if isinstance(later, TEXT_VECTORIZERS) and len(given) <= 1:
        names = given or ["text"]
        return _as_it_answers(estimator, ("texts", "frame"), names, source, {names[0]: "text"})
    if isinstance(later, DictVectorizer):
        known = vocabulary_of(later)
        typical: dict[str, Scalar] = {name: texts[0] for name, texts in known.items() if texts}
        names = given or list(known)
        return _as_it_answers(estimator, ("records", "frame"), names, source, typical)
    if given:
        return _as_it_answers(estimator, ("frame", "array", "records"), given, source, {})
    named = getattr(later, "feature_names_in_", None)
    if named is not None:
        names = [str(name) for name in named]
        return Entry("frame", _asked_for(estimator, names), source, is_told=False)
    names = _numbered(int(getattr(later, "n_features_in_", 0)))
    if 0 < len(names) <= MOST_FEATURES and _answers(estimator, "array", names, {}):
        return Entry("array", names, "position", is_told=False)
    raise _unknown(estimator)


def _as_it_answers(
    estimator: Any,
    containers: tuple[Container, ...],
    names: list[str],
    source: str,
    typical: dict[str, Scalar],
) -> Entry:
    """The first container in which the model accepts a made-up row; the first of all if it accepts
    none, since it may need other values."""
    fitting = (one for one in containers if _answers(estimator, one, names, typical))
    return Entry(next(fitting, containers[0]), names, source, is_told=False)


def _asked_for(estimator: Any, names: list[str]) -> list[str]:
    """The names without those of columns that earlier steps generate: the model answers without
    them."""
    if len(names) > _MOST_LEFT_OUT or not _answers(estimator, "frame", names, {}):
        return names
    for name in names:
        others = [other for other in names if other != name]
        if others and _answers(estimator, "frame", others, {}):
            names = others
    return names


def _answers(
    estimator: Any, container: Container, names: list[str], typical: dict[str, Scalar]
) -> bool:
    """Whether the model accepts a row with these names, with numbers where no typical value is
    known."""
    row = dict.fromkeys(names, 1.0) | {name: typical[name] for name in names if name in typical}
    columns = [
        Column(one, Kind.STRING if isinstance(row[one], str) else Kind.FLOAT) for one in names
    ]
    layout = InputLayout(container, tuple(columns))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            with undisturbed(estimator, len(names)):
                estimator.predict(one_row(estimator, layout, row))
        except (MemoryError, NotFittedError):
            raise
        except Exception:  # The model's code may raise anything.
            return False
    return True


def _numbered(count: int) -> list[str]:
    return [f"x{number}" for number in range(min(count, MOST_FEATURES + 1))]


def _unknown(estimator: Any) -> HostError:
    first = entrance_of(estimator)
    name = type(first).__name__
    if isinstance(first, FeatureHasher) and first.input_type != "dict":
        return HostError(
            "LOAD",
            f"The FeatureHasher takes lists (input_type={first.input_type!r}), which no form can "
            "enter. Train it on mappings (input_type='dict') and upload it with a training "
            "configuration that lists their keys under `features`.",
        )
    way_out = "Upload it with a training configuration that lists the inputs under `features`"
    if not is_sklearn(first):
        way_out += f", or let the fit of {name} set n_features_in_ and feature_names_in_"
    about = f"its first step, {name}," if first is not estimator else f"{name}"
    return HostError(
        "LOAD",
        f"The {type(estimator).__name__} does not say which inputs it takes: {about} keeps "
        f"neither their names nor their number. {way_out}.",
    )
