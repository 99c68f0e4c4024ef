"""The results of a rehearsal, as they are stored. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs


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
class Example:
    """The typical row of a version, and the model's whole answer to it."""

    inputs: dict[str, Scalar]
    outputs: Outputs


@dataclass(frozen=True)
class Given:
    """One runtime's answer to a row: a value and a confidence (None without) for each target.
    ``passes``: whether it is what a saved case expects, None where the row is no case."""

    values: tuple[Scalar, ...]
    confidences: tuple[float | None, ...] = ()
    passes: bool | None = None


@dataclass(frozen=True)
class Beside:
    """The answers of a version's own runtime and of another one to the same row. ``is_equal``: to
    the last digit, with every probability and interval."""

    own: Given | Failed
    other: Given | Failed
    is_equal: bool

    @property
    def turned(self) -> "Beside":
        """The same, seen from the other runtime."""
        return Beside(self.other, self.own, self.is_equal)


TriedRow = Beside | Skipped
NO_TIME = Skipped("There was no time left.")


def are_all_equal(rows: Sequence[TriedRow]) -> bool:
    """Return whether both runtimes answer every row equally, and at least one. A row that is gone
    or no longer fits says nothing; one that was not reached might differ."""
    compared = [row for row in rows if isinstance(row, Beside)]
    answered = any(isinstance(row.own, Given) for row in compared)
    return answered and NO_TIME not in rows and all(row.is_equal for row in compared)


@dataclass(frozen=True)
class Confirmed:
    """One thing that the check of a file found good."""

    name: str
    detail: str
