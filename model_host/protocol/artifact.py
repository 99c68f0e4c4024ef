"""The model file to open, its limits, and the cost of opening it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TypeName = tuple[str, str]
"""A type as the file names it: (module, name)."""

Format = Literal["joblib", "pickle", "skops"]


@dataclass(frozen=True)
class Artifact:
    """A model file to open: where it lies, the digest it must have, and the types that a superuser
    approved for exactly this file."""

    sha256: str
    path: Path
    format: Format
    approved: frozenset[TypeName] = frozenset()


@dataclass(frozen=True)
class Limits:
    """The limits of one model. Seconds of wall time for a load and for a prediction; bytes of
    address space that the child may take on top of what the zygote had already mapped."""

    load_seconds: float = 30.0
    predict_seconds: float = 10.0
    memory_bytes: int = 2 * 1024**3


@dataclass(frozen=True)
class LoadReport:
    """The report on opening an artifact. ``types``: every (module, name) the file named, sorted.
    ``left_out``: the sentence about what serves training alone and is not in the model, or ""."""

    types: tuple[TypeName, ...]
    seconds: float
    memory_bytes: int
    left_out: str = ""


@dataclass(frozen=True)
class Origin:
    """The version of scikit-learn that the file says it was saved with ("1.5.2"), or ""."""

    scikit_learn: str
