"""The errors of a load, an examination or a prediction."""

from __future__ import annotations

from typing import Literal

from model_host.protocol.artifact import TypeName
from model_host.protocol.trace import Trace

ErrorCode = Literal["INPUT", "MODEL", "LOAD", "TIMEOUT", "MEMORY", "CRASH"]
OUT_OF_MEMORY = "The model needed too much memory and was stopped."


class HostError(Exception):
    """A load, examination or prediction that did not end well.

    ``code`` is one of ``ErrorCode``. ``message`` says what happened in one sentence an admin can
    act on; ``traceback`` is for admins only. ``refused`` lists the (module, name)
    pairs the loader would not open, ``absent`` those of them that are known not to exist here, so
    that no approval helps. ``input`` names the feature that an INPUT error is about.
    ``lost`` is True where the process was taken away from outside (the zygote or the child was
    killed): the model is not to blame, and the caller may try again. ``trace`` is what a watched
    prediction recorded before it failed. ``step`` is the path of the innermost step of the
    pipeline that raised, "" where it is not known.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        traceback: str = "",
        refused: tuple[TypeName, ...] = (),
        absent: tuple[TypeName, ...] = (),
        input: str = "",
        lost: bool = False,
        trace: Trace | None = None,
        step: str = "",
    ) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.traceback = traceback
        self.refused = refused
        self.absent = absent
        self.input = input
        self.lost = lost
        self.trace = trace
        self.step = step

    @property
    def is_of_model(self) -> bool:
        """Whether the model was asked and is to blame: it did open, and its process was not taken
        away."""
        return not self.lost and self.code != "LOAD"
