"""The results of a rehearsal, as they are stored. Pure."""

from dataclasses import dataclass

from model_host.protocol.inputs import Scalar


@dataclass(frozen=True)
class Answered:
    """The value of the first target for one row."""

    value: Scalar


@dataclass(frozen=True)
class Failed:
    """A row that the model failed on, and why."""

    error: str


@dataclass(frozen=True)
class Skipped:
    """A row that the model was not asked, and why."""

    skipped: str


RowResult = Answered | Failed | Skipped


@dataclass(frozen=True)
class Confirmed:
    """One thing that the check of a file found good."""

    name: str
    detail: str
