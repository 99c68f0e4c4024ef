"""The only clocks of the tests: one that ends a wait, and one that moves only when told.

No test judges by a clock, and `make check` sees to it. A test that needs something of another
process waits ``until`` it is there, up to the one limit of the whole suite. The limit is far longer
than anything takes here: it ends what would never end, on a machine ten times slower, too.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

PATIENCE_SECONDS = 180
NOW = 1_800_000_000.0


def until(condition: Callable[[], object], what: str, *, pause: float = 0.02) -> None:
    """Return once the condition holds, asked again and again; fail with what was waited for."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends, f"waited {PATIENCE_SECONDS} s for {what}"
        time.sleep(pause)


class StillClock:
    """The module ``time`` as one module sees it: its time is ``now`` until a test moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        return self.now

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def stand_still(monkeypatch: "pytest.MonkeyPatch", module: str) -> StillClock:
    """Stop the clock that this module reads with ``time.time()``."""
    clock = StillClock()
    monkeypatch.setattr(f"{module}.time", clock)
    return clock
