"""The examination of a fitted model, and the inputs and targets proposed from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from model_host.protocol.inputs import Container, Kind, Requirement, Scalar
from model_host.protocol.outputs import Outputs, Task


@dataclass(frozen=True)
class ProposedChoice:
    """A category. Where it is no number and no text (a date, an interval), ``value`` is the text
    that stands for it; ``label`` is a shorter one, "" where the value says it."""

    value: Scalar
    label: str = ""


@dataclass(frozen=True)
class ProposedFeature:
    """One input as read from the fitted object. ``sources`` says where each field came from, e.g.
    ``{"kind": "OneHotEncoder", "default": "SimpleImputer (median)", "name": "feature_names_in_"}``.
    ``complete`` is False where the column's route could not be followed: the admin must finish it.
    ``takes_others``: what encodes the choices was told what to do with other values of their type,
    and the model answered a trial with one.
    ``typical`` is a value for the smoke prediction and the "typical values" button, else None."""

    name: str
    kind: Kind
    requirement: Requirement = Requirement.REQUIRED
    minimum: float | None = None
    maximum: float | None = None
    is_soft_range: bool = True
    choices: tuple[ProposedChoice, ...] = ()
    takes_others: bool = False
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
class Unprepared:
    """A model on arrays without names and without a step that prepares them: its rows may have been
    scaled or encoded before it was fitted. ``signs``: sentences on what in it looks like that."""

    signs: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialFailure:
    """The failure of the trial prediction, with its traceback. ``is_final``: no other values could
    help, since scikit-learn's own code does not work with the file."""

    message: str
    traceback: str = ""
    is_final: bool = False


@dataclass(frozen=True)
class Examination:
    """Everything read from a fitted model without other knowledge of it.

    ``gives_probabilities``: has a working ``predict_proba``. ``libraries_trained`` holds what the
    file itself records (scikit-learn's ``_sklearn_version``; others where known);
    ``libraries_running`` the versions in this sandbox. ``smoke_inputs`` and ``smoke_outputs``: the
    trial prediction on the typical row. There are no outputs where a feature is not complete, of
    which ``warnings`` tells, or where the trial failed, of which ``trial_failure`` does.
    ``unprepared``: None where no row can have been prepared outside of the model."""

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
    unprepared: Unprepared | None = None
    trial_failure: TrialFailure | None = None
    warnings: tuple[str, ...] = ()
