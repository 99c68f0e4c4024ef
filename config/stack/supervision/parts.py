"""One part of the stack, as a value: its command, its dependencies, and its health check."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from config.stack.supervision.account import Account


def nothing() -> None:
    """Do nothing: the check of a part that is healthy while it runs, or its empty preparation."""


@dataclass(frozen=True)
class Part:
    """A part of the stack: a server, a step that ends by itself, or (without `argv`) the person's
    own server.

    It starts when the parts in `after` are healthy. Those in `uses` may start beside it: it waits
    for them itself, once it has imported what it needs, and is stopped before them, too.
    `prepare` runs before every start of the part and is quick where nothing is to be done;
    `check` raises NotHealthyError while the part is not healthy.
    """

    name: str
    argv: tuple[str, ...] = ()
    address: str = ""
    after: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] = nothing
    check: Callable[[], None] = nothing
    is_step: bool = False
    is_shown: bool = False  # its output appears on the terminal, not only in its log
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def is_own(self) -> bool:
        """Whether the person runs this server; it is checked, never started or stopped."""
        return not self.argv
