"""The inputs of a prediction by name, and the layout of the model's row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Scalar = bool | int | float | str | None
"""A scalar of the contract: an input, a class, a prediction."""

Container = Literal["frame", "array", "texts", "records"]
"""The argument of the estimator: a one-row DataFrame with the training column names and order; a
(1, n_features) float64 array, for models fitted without names; a list of one str, for pipelines
that begin with a text vectorizer; a list of one mapping, for those that begin with one of mappings,
without what is missing."""


class Kind(StrEnum):
    """What an input takes. ``UNUSED``: no step of the model looks at the column, and whatever is
    given for it is ignored."""

    INTEGER = "integer"
    FLOAT = "float"
    STRING = "string"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    UNUSED = "unused"


class Requirement(StrEnum):
    """Whether a value must be given. ``MAY_BE_MISSING``: the model itself takes a missing one."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    MAY_BE_MISSING = "may_be_missing"


@dataclass(frozen=True)
class Column:
    """One input of the model's row: the training name, its kind, and whether it may be missing
    (then an integer column is sent as float64 and a missing value as NaN)."""

    name: str
    kind: Kind
    may_be_missing: bool = False


@dataclass(frozen=True)
class InputLayout:
    """The layout that converts inputs by name to the argument of ``predict``; ``columns`` in
    training order."""

    container: Container
    columns: tuple[Column, ...]
