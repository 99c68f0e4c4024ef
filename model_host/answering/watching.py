"""The observer of a fitted model's steps during one call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

MOST_STEPS = 200

Observe = Callable[[str, Any, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""The function called instead of a step's method, with its path, the step, the method and the
arguments."""


@contextmanager
def watched(
    steps: Sequence[tuple[str, Any, tuple[int, ...]]], methods: Sequence[str], observe: Observe
) -> Iterator[None]:
    """Route the ``methods`` of the steps through ``observe``. Each gets an instance method that is
    removed afterwards, so the model is unchanged; a step that does not allow it is not observed."""
    watchers = [
        (vars(step), method, _watcher(path, step, getattr(step, method), observe))
        for path, step, _ in steps[:MOST_STEPS]
        if hasattr(step, "__dict__")
        for method in methods
        if callable(getattr(step, method, None)) and method not in vars(step)
    ]
    try:
        for attributes, method, watcher in watchers:
            attributes[method] = watcher
        yield
    finally:
        for attributes, method, _ in watchers:
            attributes.pop(method, None)


def _watcher(path: str, step: Any, own: Callable[..., Any], observe: Observe) -> Callable[..., Any]:
    @functools.wraps(own)
    def watcher(*arguments: Any, **options: Any) -> Any:
        return observe(path, step, own, arguments, options)

    return watcher
