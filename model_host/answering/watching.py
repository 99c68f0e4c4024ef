"""The observers of a fitted model's steps: what each of them is given, and what it answers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np

from model_host.structure.followed_inputs import routes_of

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


@contextmanager
def asked_once(estimator: Any, width: int) -> Iterator[None]:
    """Have each step of a model of ``width`` inputs compute once what it is asked twice in a row:
    ``predict`` and ``predict_proba`` of a pipeline prepare the same row, and a forest's ``predict``
    is its own ``predict_proba``."""
    steps = routes_of(estimator, width).steps
    with (
        watched(steps, ("transform",), _remembering(lambda table: table)),
        watched(steps, ("predict_proba",), _remembering(_copied)),
    ):
        try:
            yield
        except Exception as error:
            forget_watchers(error.__traceback__)
            raise


def forget_watchers(trace: TracebackType | None, *files: str) -> None:
    """Remove the observers' calls from a traceback: those of this module and of ``files``."""
    while trace is not None:
        following = trace.tb_next
        while following and following.tb_frame.f_code.co_filename in (__file__, *files):
            following = following.tb_next
        trace.tb_next = following
        trace = following


def _remembering(given_out: Callable[[Any], Any]) -> Observe:
    """Return an observer under which a step that is given the very table it was given last returns
    what it returned then. A prepared table is given out itself, since the next step knows it by its
    identity; whoever gets probabilities may change them."""
    last: dict[int, tuple[Any, Any]] = {}

    def observe(
        path: str,
        step: Any,
        method: Callable[..., Any],
        arguments: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Any:
        if options or len(arguments) != 1:
            return method(*arguments, **options)
        (table,) = arguments
        known = last.get(id(step))
        if known is not None and known[0] is table:
            return given_out(known[1])
        answer = method(table)
        last[id(step)] = table, given_out(answer)
        return answer

    return observe


def _copied(answer: Any) -> Any:
    """Probabilities as ``predict_proba`` returns them: an array, or a list with one a target."""
    if isinstance(answer, list):
        return [_copied(one) for one in answer]
    return np.array(answer) if isinstance(answer, np.ndarray) else answer
