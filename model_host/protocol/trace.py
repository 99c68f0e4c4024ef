"""The trace of one prediction, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from model_host.protocol.outputs import Outputs

TraceLevel = Literal["steps", "full"]
"""The contents of a trace: for every step its time and a summary of its output; or also first rows,
the row the model was called with, and the variables of a failure."""

MAX_TRACE = 1024 * 1024
"""A trace over so many bytes of JSON loses first its rows, then its variables, then its steps."""


@dataclass(frozen=True)
class TracedCell:
    """One value as text, of the row the model was called with or of a step's output; ``name`` is ""
    where columns have none."""

    name: str
    dtype: str
    value: str


@dataclass(frozen=True)
class LostValue:
    """A value of a step's output that is not finite: "inf", "-inf" or "nan". ``place`` is its
    column's number, from 0; ``name`` the column's name, "" where columns have none. ``inputs`` are
    the names of the inputs it was made of, as far as they are known."""

    place: int
    name: str
    value: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepTrace:
    """The output of one step. ``path`` is that of the diagram (``Step``), "" for the whole model.

    ``milliseconds`` are those of the steps inside, too. ``dtypes``: columns by dtype. ``minimum``
    and ``maximum`` over the finite numbers of the output, None where there are none. ``row``: its
    first 50 columns. ``is_hidden``: it may show a sensitive input, so it shows no value at all.
    ``has_failed``: the exception came out of it. ``lost``: the first values that are not finite;
    ``lost_count``: how many there are. ``has_lost``: they were finite, or not missing, when they
    came in.
    """

    path: str
    estimator: str
    milliseconds: float
    shape: tuple[int, ...] = ()
    dtypes: dict[str, int] = field(default_factory=dict)
    missing: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    row: tuple[TracedCell, ...] = ()
    is_hidden: bool = False
    has_failed: bool = False
    lost: tuple[LostValue, ...] = ()
    lost_count: int = 0
    has_lost: bool = False


@dataclass(frozen=True)
class StackFrame:
    """One call on the way to a failure, the outermost first; ``variables`` as text of 200
    characters each."""

    file: str
    line: int
    function: str
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """The trace of a prediction. ``steps`` in the order in which they began, the whole model first.

    Milliseconds: ``row_milliseconds`` to build the row, ``confidence_milliseconds`` for what came
    after ``predict`` (probabilities, intervals). ``peak_bytes`` is the most memory the process ever
    held, ``grown_bytes`` how far this prediction raised it. ``failing_step`` is the path of the
    innermost step that raised, None where nothing did or nothing is known of it.
    """

    level: TraceLevel
    steps: tuple[StepTrace, ...] = ()
    row_milliseconds: float = 0.0
    confidence_milliseconds: float = 0.0
    peak_bytes: int = 0
    grown_bytes: int = 0
    libraries: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    failing_step: str | None = None
    exception: str = ""
    frame: tuple[TracedCell, ...] = ()
    stack: tuple[StackFrame, ...] = ()


@dataclass(frozen=True)
class Traced:
    """A prediction that was watched: the answer it gives unwatched, and how it was made. ``trace``
    is None where answer and trace together are too large for one reply."""

    outputs: Outputs
    trace: Trace | None
