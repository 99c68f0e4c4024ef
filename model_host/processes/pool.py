"""The pool of warm children: each is lent to one thread at a time, returned, and ended when due."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from model_host.processes.conversation import PredictionCancelled
from model_host.processes.handles import Child
from model_host.protocol.artifact import Artifact, Limits


@dataclass(frozen=True)
class _Key:
    """The artifact and limits that a warm child serves. ``memory_bytes`` is fixed when the child is
    forked."""

    artifact: Artifact
    memory_bytes: int


class Pool:
    """At most ``max_children`` processes, ``children_per_model`` of them for one artifact; idle
    ones are ended, longest unused first, while they hold more than ``max_memory_bytes`` together
    (the last used stays), after ``idle_seconds``, and after ``max_predictions``: after one where
    the model is not the same after it as before. ``fork`` makes a new one. Thread-safe.
    """

    def __init__(
        self,
        fork: Callable[[Artifact, Limits], Child],
        *,
        max_children: int,
        max_memory_bytes: int,
        children_per_model: int,
        max_predictions: int,
        idle_seconds: float,
    ) -> None:
        self._fork = fork
        self._max_children = max_children
        self._max_memory_bytes = max_memory_bytes
        self._children_per_model = children_per_model
        self._max_predictions = max_predictions
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._idle: dict[Child, _Key] = {}  # Longest unused first.
        self._busy: Counter[_Key] = Counter()
        self._used_at = time.monotonic()
        self._is_closed = False
        self._keeper: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread that ends idle children when due; repeating it is harmless."""
        with self._changed:
            if self._keeper is None and not self._is_closed:
                self._keeper = threading.Thread(
                    target=self._end_idle, name="model-host-keeper", daemon=True
                )
                self._keeper.start()

    def rest(self, unused_seconds: float) -> bool:
        """End the idle children if none is lent and none was for ``unused_seconds``; return whether
        there is none now."""
        with self._changed:
            if self._busy or time.monotonic() < self._used_at + unused_seconds:
                return False
            idle = list(self._idle)
            self._idle.clear()
        for child in idle:
            child.end()
        return True

    def close(self) -> None:
        """Stop lending, and end the idle children; a lent one is ended when it is returned."""
        with self._changed:
            self._is_closed = True
            idle = list(self._idle)
            self._idle.clear()
            self._changed.notify_all()
        for child in idle:
            child.end()
        if self._keeper is not None:
            self._keeper.join()

    @contextmanager
    def borrowed(
        self,
        artifact: Artifact,
        limits: Limits,
        cancelled: threading.Event | None = None,
        *,
        is_kept: bool = True,
    ) -> Iterator[Child]:
        """Lend a child to this thread alone: a warm one if ``is_kept`` and there is one, else new.

        It is kept afterwards if it ``is_kept``, nothing went wrong and its model is the same, else
        ended. Waits for a free place; PredictionCancelled if ``cancelled`` is set meanwhile,
        RuntimeError after ``close``.
        """
        key = _Key(artifact, limits.memory_bytes)
        seconds = limits.load_seconds + limits.predict_seconds
        child, evicted = self._take(key, seconds, cancelled, is_kept=is_kept)
        is_good = False
        try:
            for old in evicted:
                old.end()
            if child is None:
                child = self._fork(artifact, limits)
            yield child
            is_worn = child.has_changed or child.predictions >= self._max_predictions
            is_good = is_kept and not is_worn
        finally:
            if child is not None and not is_good:
                child.end()
            self._give_back(key, child if is_good else None)

    def _take(
        self, key: _Key, seconds: float, cancelled: threading.Event | None, *, is_kept: bool
    ) -> tuple[Child | None, list[Child]]:
        """A warm child or the right to fork one, and the children to end first."""
        evicted: list[Child] = []
        with self._changed:
            while not self._is_closed:
                if is_kept:
                    for child in [child for child, its in self._idle.items() if its == key][::-1]:
                        del self._idle[child]
                        if child.is_fit(seconds):
                            self._busy[key] += 1
                            return child, evicted
                        evicted.append(child)
                if not is_kept or self._busy[key] < self._children_per_model:
                    if len(self._idle) + self._busy.total() >= self._max_children and self._idle:
                        evicted.append(oldest := next(iter(self._idle)))
                        del self._idle[oldest]
                    if len(self._idle) + self._busy.total() < self._max_children:
                        self._busy[key] += 1
                        return None, evicted
                if cancelled is not None and cancelled.is_set():
                    raise PredictionCancelled
                self._changed.wait(None if cancelled is None else 0.05)
        raise RuntimeError("the model host is closed")

    def _give_back(self, key: _Key, child: Child | None) -> None:
        """Free the place, and keep ``child`` idle as far as memory allows."""
        memory = {} if child is None else {kept: kept.memory_bytes() for kept in list(self._idle)}
        evicted = []
        with self._changed:
            self._used_at = time.monotonic()
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]
            if child is not None and self._is_closed:
                evicted.append(child)
            elif child is not None:
                self._idle[child] = key
                held = child.memory_bytes() + sum(memory.values())
                for old, size in memory.items():
                    if held <= self._max_memory_bytes:
                        break
                    if self._idle.pop(old, None) is not None:
                        evicted.append(old)
                    held -= size
            self._changed.notify_all()
        for old in evicted:
            old.end()

    def _end_idle(self) -> None:
        """The keeper thread: ends children that were not used for ``idle_seconds``."""
        while True:
            with self._changed:
                if self._is_closed:
                    return
                oldest_allowed = time.monotonic() - self._idle_seconds
                tired = [child for child in self._idle if child.used_at <= oldest_allowed]
                for child in tired:
                    del self._idle[child]
                if not tired:
                    first = min((child.used_at for child in self._idle), default=None)
                    self._changed.wait(None if first is None else first - oldest_allowed)
            for child in tired:
                child.end()
