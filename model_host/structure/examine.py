"""The examination of a fitted model: its inputs and outputs, from the object alone."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
import pandas as pd
import scipy
import sklearn
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from model_host.answering.complaints import blamed_on_version
from model_host.answering.intervals import gives_interval
from model_host.answering.prediction import predict
from model_host.protocol.errors import HostError
from model_host.protocol.examination import (
    Examination,
    ProposedChoice,
    ProposedFeature,
    ProposedTarget,
    Step,
    TrialFailure,
)
from model_host.protocol.inputs import Column, Container, InputLayout, Kind, Requirement, Scalar
from model_host.protocol.outputs import Outputs
from model_host.structure.anatomy import (
    classes_by_target,
    entrances,
    final_estimator,
    labels,
    target_names,
    task_of,
)
from model_host.structure.followed_inputs import routes_of
from model_host.structure.input_facts import InputColumn
from model_host.structure.input_names import entry_of
from model_host.structure.prepared_inputs import unprepared
from model_host.structure.report_limits import unfit_report
from model_host.structure.routes import Routes
from model_host.structure.scalars import as_scalar

LIBRARIES_RUNNING = {
    "scikit-learn": sklearn.__version__,
    "numpy": np.__version__,
    "pandas": pd.__version__,
    "joblib": joblib.__version__,
    "scipy": scipy.__version__,
    "Python": platform.python_version(),
}
_UNUSED = "not used by the model"
_STAND_IN: dict[Kind, Scalar] = {
    Kind.FLOAT: 0.0,
    Kind.INTEGER: 0,
    Kind.STRING: "text",
    Kind.BOOLEAN: False,
    Kind.UNUSED: None,
}
"""The values of the trial prediction if no typical one is known."""
_OTHERS = (0.5, 1.0, -0.5, 10.0, 1000.0)
"""The numbers that it tries next if the model fails on those."""
_MOST_TRIALS = 20


def examine(
    estimator: Any,
    libraries_trained: dict[str, str] | None = None,
    given: Sequence[str] = (),
    given_by: str = "",
) -> Examination:
    """Examine a fitted model: everything that a version's page proposes, and a trial prediction on
    the typical row.

    ``libraries_trained``: the versions the file records, which the loader alone has seen.
    ``given``: names of the inputs for an object that does not tell them, ``given_by`` whom. Raises
    HostError LOAD with a sentence where the object cannot be served: no estimator, no ``predict``,
    not fitted, no or too many inputs, or anything else too long or too many to be shown.
    """
    _check_servable(estimator)
    try:
        entry = entry_of(estimator, given, given_by)
        names, container = entry.names, entry.container
        routes = routes_of(estimator, len(names))
    except NotFittedError as error:
        raise HostError("LOAD", f"A part of the model has not been fitted: {error}") from error
    features = [
        _feature(name, column, entry.source)
        for name, column in zip(names, routes.columns, strict=True)
    ]
    if container == "texts" and not features[0].complete:  # whatever its own steps do with it
        sources = features[0].sources | {"kind": entry.source}
        features = [replace(features[0], kind=Kind.STRING, complete=True, sources=sources)]
    libraries = dict(libraries_trained or {})
    trial = _try_out(estimator, container, features, libraries.get("scikit-learn", ""))
    probabilities = (
        [] if trial.outputs is None else [o.probabilities for o in trial.outputs.targets]
    )
    examination = Examination(
        estimator=type(estimator).__name__,
        task=task_of(estimator),
        container=container,
        features=tuple(trial.features),
        targets=_targets(estimator, trial.outputs),
        gives_probabilities=hasattr(estimator, "predict_proba")
        and (trial.outputs is None or any(probabilities)),
        gives_interval=gives_interval(estimator),
        steps=_steps(estimator, routes, names),
        libraries_trained=libraries,
        libraries_running=LIBRARIES_RUNNING,
        smoke_inputs=trial.inputs,
        smoke_outputs=trial.outputs,
        unprepared=unprepared(routes, names) if container == "array" else None,
        trial_failure=trial.failure,
        warnings=trial.warnings,
    )
    if unfit := unfit_report(examination):
        raise HostError("LOAD", unfit)
    return examination


def layout_of(container: Container, features: Sequence[ProposedFeature]) -> InputLayout:
    """Return how inputs of these features are sent to the model."""
    return InputLayout(
        container,
        tuple(
            Column(one.name, one.kind, may_be_missing=one.requirement == Requirement.MAY_BE_MISSING)
            for one in features
        ),
    )


def _check_servable(estimator: Any) -> None:
    """Raise HostError LOAD where this is not a fitted estimator with ``predict``."""
    if isinstance(estimator, type):
        raise HostError(
            "LOAD", f"The file holds the class {estimator.__name__}, not a fitted model."
        )
    name = type(estimator).__name__
    if not callable(getattr(estimator, "predict", None)):
        what = "cannot predict" if hasattr(estimator, "fit") else "is not a model"
        raise HostError(
            "LOAD",
            f"The file holds an object of type {name}, which {what}: it has no predict method.",
        )
    _check_fitted(estimator)


def _check_fitted(estimator: Any) -> None:
    """Raise HostError LOAD if the estimator, or its first step, was never fitted; for a custom
    class only the trial prediction shows it."""
    if type(estimator).__module__.partition(".")[0] != "sklearn":
        return
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        name = type(estimator).__name__
        raise HostError(
            "LOAD", f"The {name} has not been fitted. Fit the model, then save it again."
        ) from error
    for inner in entrances(estimator):
        _check_fitted(inner)


def _feature(name: str, column: InputColumn, named_by: str) -> ProposedFeature:
    """One input as its column's route shows it."""
    sources = {"name": named_by}
    if column.kind is None and not column.is_used:
        sources |= {"kind": _UNUSED, "requirement": _UNUSED}
        return ProposedFeature(name, Kind.UNUSED, Requirement.MAY_BE_MISSING, sources=sources)
    choices = column.categories if column.kind == Kind.CHOICE else ()
    if column.kind is None or (column.kind == Kind.CHOICE and not choices):
        sources["kind"] = f"could not be followed beyond {column.lost_at or 'its encoders'}"
        return ProposedFeature(name, Kind.STRING, sources=sources, complete=False)
    handling = column.handling
    default, typical = (_of_kind(column.kind, one) for one in (column.default, column.typical))
    default = default if handling is not None else None
    proposed = ProposedFeature(
        name,
        kind=column.kind,
        requirement=Requirement.REQUIRED if handling is None else Requirement.MAY_BE_MISSING,
        minimum=column.minimum if column.kind == Kind.FLOAT else None,
        maximum=column.maximum if column.kind == Kind.FLOAT else None,
        choices=tuple(
            ProposedChoice(value, column.readings.get(str(value), "")) for value in choices
        ),
        takes_others=column.kind == Kind.CHOICE and column.takes_others,
        default=default if not choices or default in choices else None,
        imputed=None if handling is None else _of_kind(column.kind, handling.imputed),
        typical=typical if not choices or typical in choices else choices[0],
    )
    known = column.sources
    if proposed.takes_others:
        known = known | {"takes_others": known["choices"]}
    if handling is not None:
        known = known | {"requirement": handling.source, "imputed": handling.source}
    told = {fact: source for fact, source in known.items() if _is_told(getattr(proposed, fact))}
    return replace(proposed, sources=sources | told)


def _of_kind(kind: Kind, value: Scalar) -> Scalar:
    """What an imputer learnt of a column in which a later step reads numbers: texts that are
    numbers, or True and False."""
    if kind != Kind.FLOAT or not isinstance(value, str | bool):
        return value
    try:
        return as_scalar(float(value))
    except ValueError:
        return None


def _is_told(value: object) -> bool:
    return value is not None and value != ()


@dataclass(frozen=True)
class _Trial:
    features: list[ProposedFeature]
    inputs: dict[str, Scalar]
    outputs: Outputs | None = None
    failure: TrialFailure | None = None
    warnings: tuple[str, ...] = ()


def _try_out(
    estimator: Any, container: Container, features: list[ProposedFeature], saved: str
) -> _Trial:
    """Predict on the typical row, then without each input that may be missing.

    A feature that the model refuses to do without becomes required, whatever its route promised.
    ``saved``: the version of scikit-learn that the file records.
    """
    unfinished = [one.name for one in features if not one.complete]
    if unfinished:
        first = ", ".join(unfinished[:5]) + (", …" if len(unfinished) > 5 else "")
        warning = f"No trial prediction was made: please complete {first}."
        inputs = {one.name: _typical(one) for one in features}
        failure = _failure_of_version(estimator, container, features, saved)
        return _Trial(features, inputs, failure=failure, warnings=(warning,))
    layout = layout_of(container, features)
    inputs, outcome = _first_answer(estimator, layout, features)
    if isinstance(outcome, HostError):
        blamed = blamed_on_version(outcome, saved, lambda: True)
        return _Trial(features, inputs, failure=_told(blamed, is_final=blamed is not outcome))

    def refuses(changed: dict[str, Scalar]) -> bool:
        try:
            predict(estimator, layout, inputs | changed)
        except HostError:
            return True
        return False

    optional = {one.name: None for one in features if one.requirement == Requirement.MAY_BE_MISSING}
    needed = _refused(optional, refuses)
    strangers = {one.name: _stranger(one) for one in features if one.takes_others}
    closed = _refused(strangers, refuses)
    return _Trial([_as_tried(one, needed, closed) for one in features], inputs, outcome)


def _first_answer(
    estimator: Any, layout: InputLayout, features: list[ProposedFeature]
) -> tuple[dict[str, Scalar], Outputs | HostError]:
    """The typical row and the model's answer to it. If a number of it is unknown, others are tried
    before the model is refused: it may take a logarithm of it."""
    inputs = {one.name: _typical(one) for one in features}
    made_up = [one.name for one in features if one.kind == Kind.FLOAT and one.typical is None]
    rows = [inputs] + [inputs | dict.fromkeys(made_up, number) for number in _OTHERS if made_up]
    answered: list[tuple[dict[str, Scalar], Outputs]] = []
    failures: list[HostError] = []
    for row in rows:
        try:
            outputs = predict(estimator, layout, row)
        except HostError as error:
            failures.append(error)
            continue
        answered.append((row, outputs))
        if outputs.lost is None:
            return row, outputs
    return answered[0] if answered else (inputs, failures[0])


def _failure_of_version(
    estimator: Any, container: Container, features: list[ProposedFeature], saved: str
) -> TrialFailure | None:
    """The failure that no completion of the inputs could repair, if any. An input of unknown kind
    is tried as a text, and as a number if the model demands one."""
    for _ in range(_MOST_TRIALS):
        layout = layout_of(container, features)
        try:
            predict(estimator, layout, {one.name: _typical(one) for one in features})
        except HostError as error:
            blamed = blamed_on_version(error, saved, lambda: False)
            if blamed is not error:
                return _told(blamed, is_final=True)
            open_ones = [
                one
                for one in features
                if not one.complete and one.kind == Kind.STRING and one.name == error.input
            ]
            if not open_ones:
                return None
            features = [
                replace(one, kind=Kind.FLOAT) if one in open_ones else one for one in features
            ]
        else:
            return None
    return None


def _told(error: HostError, *, is_final: bool) -> TrialFailure:
    about = f"{error.input}: " if error.input else ""
    return TrialFailure(about + error.message, error.traceback, is_final)


def _refused(
    changed: Mapping[str, Scalar], refuses: Callable[[dict[str, Scalar]], bool]
) -> set[str]:
    """The names whose changed value the model refuses, found by halves: most models refuse none."""
    if not changed or not refuses(dict(changed)):
        return set()
    if len(changed) == 1:
        return set(changed)
    items = list(changed.items())
    middle = len(items) // 2
    return _refused(dict(items[:middle]), refuses) | _refused(dict(items[middle:]), refuses)


def _as_tried(one: ProposedFeature, needed: set[str], closed: set[str]) -> ProposedFeature:
    """The feature, corrected by the result of the trial."""
    if one.name in needed:
        one = _required(one)
    if one.name not in closed:
        return one
    sources = {fact: source for fact, source in one.sources.items() if fact != "takes_others"}
    return replace(one, takes_others=False, sources=sources)


def _stranger(feature: ProposedFeature) -> Scalar:
    """A value of the choices' type that is not one of them."""
    values = [choice.value for choice in feature.choices]
    if all(isinstance(value, bool) for value in values):
        return True not in values
    numbers = [value for value in values if isinstance(value, int | float)]
    if numbers:
        return max(numbers) + 1
    longest = max((str(value) for value in values), key=len)
    return f"{longest}?"


def _typical(feature: ProposedFeature) -> Scalar:
    if feature.typical is not None:
        return feature.typical
    return feature.choices[0].value if feature.choices else _STAND_IN[feature.kind]


def _required(feature: ProposedFeature) -> ProposedFeature:
    sources = {
        fact: source
        for fact, source in feature.sources.items()
        if fact not in ("default", "imputed")
    }
    sources["requirement"] = "a trial prediction without it failed"
    return replace(
        feature, requirement=Requirement.REQUIRED, default=None, imputed=None, sources=sources
    )


def _targets(estimator: Any, outputs: Outputs | None) -> tuple[ProposedTarget, ...]:
    """The outputs as the trial showed them, else as the classes or ``n_outputs_`` tell."""
    by_target = classes_by_target(estimator) or []
    if outputs is not None:
        names = [target.name for target in outputs.targets]
    else:
        known = int(getattr(final_estimator(estimator), "n_outputs_", 1))
        names = target_names(max(known, len(by_target), 1))
    classes = [labels(one) for one in by_target]
    if task_of(estimator) == "outlier detection":
        classes = [(-1, 1)]
    if len(classes) != len(names):
        # One flat ``classes_`` for several targets: each label applies (1) or not (0).
        classes = [(0, 1) if classes else ()] * len(names)
    return tuple(ProposedTarget(*one) for one in zip(names, classes, strict=True))


def _steps(estimator: Any, routes: Routes, names: list[str]) -> tuple[Step, ...]:
    """The parts for the diagram; a model of one part is its own only step."""
    inner = [one for one in routes.steps if one[0]]
    return tuple(
        Step(path or "model", type(step).__name__, tuple(names[i] for i in columns))
        for path, step, columns in inner or routes.steps[:1]
    )
