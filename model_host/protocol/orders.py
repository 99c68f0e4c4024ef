"""Requests to the zygote to fork, and a locked child's report of its end or of its lockdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NOT_LOCKED_EXIT = 78
"""The exit code of a child that could not give up its rights; it has read nothing then."""
OUT_OF_MEMORY_EXIT = 79
"""The exit code of a child that lacks the memory to report an error."""


@dataclass(frozen=True)
class Orders:
    """A request to fork a child that serves a model, or one that tries to break out.
    ``cpu_seconds`` limits its whole life, in case the worker no longer watches it. ``modules`` are
    those of types that a superuser approved: they are imported before the lock, since a locked
    process can import nothing. ``boosters``: XGBoost and LightGBM may open."""

    role: Literal["serve", "self_test"]
    memory_bytes: int
    cpu_seconds: int
    locked: bool
    modules: tuple[str, ...] = ()
    boosters: bool = False


@dataclass(frozen=True)
class SelfTest:
    """The result of a self-test: what a locked process could still do. ``findings``: one sentence
    each; when ``passed``, they only say which layers this kernel offers. ``missing``: the known
    types that the libraries here lack, by full name; files that need one are refused."""

    passed: bool
    findings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
