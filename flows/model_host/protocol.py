"""The contract between the worker, which has credentials, and the host, which opens model files.

Both sides import this module; it imports neither Django, Prefect nor scikit-learn.

A message is a big-endian unsigned 32-bit length and that many bytes of UTF-8 JSON: a request is at
most ``MAX_MESSAGE`` bytes, a reply at most ``MAX_REPLY``. A ``load`` request is followed by the
artifact's bytes: an unsigned 64-bit length, then the bytes. Every request gets exactly one reply.
Nothing pickled ever crosses.

Requests, one JSON object each:

``{"op": "load", "format": "joblib", "approved": [["package.module", "Name"], ...]}`` and the bytes
    opens the artifact; the reply is a ``LoadReport``.
``{"op": "examine"}``
    the reply is an ``Examination``.
``{"op": "predict", "layout": InputLayout, "inputs": {name: value}}``
    the reply is ``Outputs``. ``value`` is None (missing), a bool, an int, a finite float or a str.
``{"op": "trace", "level": "steps", "hidden": [name, ...], "layout": …, "inputs": …}``
    the same prediction, watched; the reply is ``Traced``. Values of ``hidden`` inputs, and what
    was made of them, stay out of the trace.
``{"op": "explain", "layout", "inputs", "typical": {name: value}, "seed": 1, "seconds": 2.0}``
    the reply is an ``Explanation`` of the answer to these inputs.
``{"op": "curve", "layout", "inputs", "name": name, "points": [value, ...]}``
    the reply is a ``Curve``.

Replies: ``{"ok": true, "result": {...}}`` or ``{"ok": false, "error": {...}}`` with the fields of
``HostError``.

``wire.py`` turns the dataclasses below into such messages and back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MAX_MESSAGE = 16 * 1024 * 1024
MAX_REPLY = 4 * 1024 * 1024
"""Smaller than a request: parsed JSON takes up to twenty times its bytes in the worker's memory."""

NOT_LOCKED_EXIT = 78
"""How a child ends that could not give up its rights; it has read nothing then."""
OUT_OF_MEMORY_EXIT = 79
"""How a child ends when memory does not even suffice to say so."""
OUT_OF_MEMORY = "The model needed too much memory and was stopped."

TypeName = tuple[str, str]
"""A type as the file names it: (module, name)."""

Scalar = bool | int | float | str | None
"""One value that travels: an input, a class, a prediction."""

ErrorCode = Literal["INPUT", "MODEL", "LOAD", "TIMEOUT", "MEMORY", "CRASH"]
Format = Literal["joblib", "pickle", "skops"]
Container = Literal["frame", "array", "texts"]
"""What the estimator is called with: a one-row DataFrame with the training column names and order;
a (1, n_features) float64 array, for models fitted without names; a list of one str, for pipelines
that begin with a text vectorizer."""
Kind = Literal["integer", "float", "string", "boolean", "choice"]
Requirement = Literal["required", "optional", "may_be_missing"]
QuantityKind = Literal["probability", "value"]
Task = Literal["classification", "regression", "clustering", "outlier detection", "other"]
TraceLevel = Literal["steps", "full"]
"""What a trace records: of every step its time and the look of its output; or also first rows, the
row the model was called with, and the variables of a failure."""

MAX_TRACE = 1024 * 1024
"""A trace over so many bytes of JSON loses first its rows, then its variables, then its steps."""


class HostError(Exception):
    """A load, examination or prediction that did not end well.

    ``code`` is one of PRODUCT 1.0's error classes. ``message`` says what happened in one sentence
    an admin can act on; ``traceback`` is for admins only. ``refused`` lists the (module, name)
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


@dataclass(frozen=True)
class Artifact:
    """A model file to open: where it lies, the digest it must have, and the types that a superuser
    approved for exactly this file."""

    sha256: str
    path: Path
    format: Format
    approved: frozenset[TypeName] = frozenset()


@dataclass(frozen=True)
class SelfTest:
    """What a locked process could still do. ``findings``: one sentence each; when ``passed``, they
    only say which layers this kernel offers."""

    passed: bool
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Orders:
    """What the zygote is asked to fork: a child that serves a model, or one that tries to break
    out. ``cpu_seconds`` is a backstop for its whole life, for when nobody watches it any more.
    ``modules`` are those of types that a superuser approved: they are imported before the lock,
    since a locked process can import nothing. ``boosters``: XGBoost and LightGBM may open."""

    role: Literal["serve", "self_test"]
    memory_bytes: int
    cpu_seconds: int
    locked: bool
    modules: tuple[str, ...] = ()
    boosters: bool = False


@dataclass(frozen=True)
class Limits:
    """What one model may use. Seconds of wall time for a load and for a prediction; bytes of
    address space that the child may take on top of what the zygote had already mapped."""

    load_seconds: float = 30.0
    predict_seconds: float = 10.0
    memory_bytes: int = 2 * 1024**3


@dataclass(frozen=True)
class Column:
    """One input as the model wants it: the training name, its kind, and whether it may be missing
    (then an integer column is sent as float64 and a missing value as NaN)."""

    name: str
    kind: Kind
    may_be_missing: bool = False


@dataclass(frozen=True)
class InputLayout:
    """How inputs by name become what ``predict`` is called with; ``columns`` in training order."""

    container: Container
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class LoadReport:
    """What opening the artifact took. ``types``: every (module, name) the file named, sorted."""

    types: tuple[TypeName, ...]
    seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class ProposedChoice:
    value: Scalar
    label: str


@dataclass(frozen=True)
class ProposedFeature:
    """One input as read from the fitted object. ``sources`` says where each field came from, e.g.
    ``{"kind": "OneHotEncoder", "default": "SimpleImputer (median)", "name": "feature_names_in_"}``.
    ``complete`` is False where the column's route could not be followed: the admin must finish it.
    ``typical`` is a value for the smoke prediction and the "typical values" button, else None."""

    name: str
    kind: Kind
    requirement: Requirement = "required"
    minimum: float | None = None
    maximum: float | None = None
    is_soft_range: bool = True
    choices: tuple[ProposedChoice, ...] = ()
    default: Scalar = None
    imputed: Scalar = None
    typical: Scalar = None
    sources: dict[str, str] = field(default_factory=dict)
    complete: bool = True


@dataclass(frozen=True)
class ProposedTarget:
    """One output of the model; ``classes`` in the order of ``classes_``, empty for a number."""

    name: str
    classes: tuple[Scalar, ...] = ()


@dataclass(frozen=True)
class Step:
    """One step of the pipeline, for the diagram: its path (``preprocess.num.scale``), its class,
    and the columns that reach it where they are known."""

    path: str
    estimator: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examination:
    """All that is read from a fitted model without knowing anything else about it.

    ``gives_probabilities``: has a working ``predict_proba``. ``libraries_trained`` holds what the
    file itself records (scikit-learn's ``_sklearn_version``; others where known);
    ``libraries_running`` the versions in this sandbox. ``smoke_inputs`` and ``smoke_outputs``: the
    trial prediction on the typical row, None when a feature is not complete or the trial failed, in
    which case ``warnings`` says why."""

    estimator: str
    task: Task
    container: Container
    features: tuple[ProposedFeature, ...]
    targets: tuple[ProposedTarget, ...]
    gives_probabilities: bool
    gives_interval: bool
    steps: tuple[Step, ...]
    libraries_trained: dict[str, str]
    libraries_running: dict[str, str]
    smoke_inputs: dict[str, Scalar] | None = None
    smoke_outputs: Outputs | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassProbability:
    value: Scalar
    probability: float


@dataclass(frozen=True)
class Interval:
    """A 90 % interval and where it comes from ("model": the estimator's own standard deviation)."""

    low: float
    high: float
    level: float = 0.9
    source: str = "model"


@dataclass(frozen=True)
class TargetOutput:
    """One target's answer. ``confidence`` is ``predict_proba`` at the index of the label that
    ``predict`` returned, None for regressors and where the model gives none. ``score`` is a
    ``decision_function`` value, not a probability. ``text`` replaces ``value`` (then None) when the
    answer cannot be written as JSON."""

    name: str
    value: Scalar
    confidence: float | None = None
    probabilities: tuple[ClassProbability, ...] = ()
    interval: Interval | None = None
    score: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Outputs:
    """One prediction, whole. ``warnings`` are sentences fit to show a person; ``notes`` are details
    for admins (warnings that Python raised in predict). ``seconds`` is the time in predict."""

    task: Task
    targets: tuple[TargetOutput, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Contribution:
    """How far one input, by name, moved the number from the typical case towards this one."""

    name: str
    amount: float


@dataclass(frozen=True)
class Explanation:
    """Why an answer is not that of a typical case: ``baseline`` plus all ``contributions`` (largest
    first) is ``prediction``. The numbers are probabilities of ``label``, the class that ``predict``
    returned, or the value itself. ``not_compared`` are inputs without a typical value. ``method``
    is "exact" for all coalitions, "sampled" for random orders; ``rows`` is how many rows the model
    was asked. Where there is none, ``problem`` says why in a sentence for people."""

    quantity: QuantityKind = "value"
    label: Scalar = None
    baseline: float = 0.0
    prediction: float = 0.0
    contributions: tuple[Contribution, ...] = ()
    not_compared: tuple[str, ...] = ()
    method: Literal["exact", "sampled"] = "exact"
    rows: int = 0
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Curve:
    """The number at each point that was asked for: the probability of ``label``, or the value.
    Where there is none, ``problem`` says why in a sentence for people."""

    quantity: QuantityKind = "value"
    label: Scalar = None
    numbers: tuple[float, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class TracedCell:
    """One value as text, of the row the model was called with or of a step's output; ``name`` is ""
    where columns have none."""

    name: str
    dtype: str
    value: str


@dataclass(frozen=True)
class StepTrace:
    """What one step made of the row. ``path`` is that of the diagram (``Step``), "" for the whole.

    ``milliseconds`` are those of the steps inside, too. ``dtypes``: columns by dtype. ``minimum``
    and ``maximum`` over the finite numbers of the output, None where there are none. ``row``: its
    first 50 columns. ``is_hidden``: it may show a sensitive input, so it shows no value at all.
    ``has_failed``: the exception came out of it.
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
    """How a prediction was made. ``steps`` in the order in which they began, the whole first.

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
