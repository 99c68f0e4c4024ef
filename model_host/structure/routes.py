"""The routes of the input columns through one model, and the facts that its estimators add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.decomposition import NMF, MiniBatchNMF
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from model_host.moved import allows_missing
from model_host.protocol.inputs import Kind, Scalar
from model_host.structure.input_facts import Handling, InputColumn
from model_host.structure.scalars import NotAScalar, as_scalar, category_texts, is_missing
from model_host.structure.step_columns import Gap, Signal, Signals, distinct, spread, together
from model_host.structure.training_values import HISTOGRAM_BOOSTING, training_values

UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""The exceptions that reading an estimator of another version may raise."""


OF_ONE_TYPE = (KMeans, MiniBatchKMeans, BisectingKMeans, NMF, MiniBatchNMF)
"""Estimators that take no other type of number than they were fitted on."""


@dataclass
class Routes:
    """The columns of one model, every estimator in it, what reached each of them (by ``id``), and
    the steps for the diagram."""

    columns: list[InputColumn]
    visited: list[Any] = field(default_factory=list)
    inputs_of: dict[int, tuple[Signal, ...]] = field(default_factory=dict)
    steps: list[tuple[str, Any, tuple[int, ...]]] = field(default_factory=list)

    def visit(self, path: str | None, estimator: Any, signals: Signals) -> None:
        """Note that the signals reach an estimator. Raises NotFittedError."""
        if is_sklearn(estimator):
            check_is_fitted(estimator)
        self.visited.append(estimator)
        self.inputs_of[id(estimator)] = tuple(signals)
        if path is not None:
            self.steps.append((path, estimator, tuple(sorted(together(signals).origins))))

    @cached_property
    def has_own_code(self) -> bool:
        """Whether a step computes with a function or a class that is neither scikit-learn's nor one
        of NumPy's elementwise functions."""
        return any(
            not isinstance(step.func, np.ufunc | None)
            if isinstance(step, FunctionTransformer)
            else not is_sklearn(step) and hasattr(step, "transform")
            for step in self.visited
        )

    def raw(self, signal: Signal) -> InputColumn | None:
        return None if signal.raw is None else self.columns[signal.raw]

    def use(self, signals: Signals) -> None:
        for signal in distinct(signals):
            for column in signal.origins:
                self.columns[column].is_used = True

    def stack_as_objects(self, signal: Signal) -> None:
        """Note that a step made one array of ``signal`` and others, and that its values were
        objects: True and False stood among the numbers, of which NumPy makes no others."""
        for reached in self.inputs_of.values():
            if not any(one is signal for one in reached):
                continue
            for one in reached:
                if (column := self.raw(one)) and column.dtype is None:
                    column.dtype = np.dtype(object)

    def narrow(self, signals: Signals, dtype: Any) -> None:
        """Note that an estimator, which takes no other numbers than it was fitted on, had them in
        this type."""
        for signal in distinct(signals):
            for origin in signal.origins:
                if self.columns[origin].dtype is None:
                    self.columns[origin].dtype = dtype

    def refuse(self, gaps: Iterable[Gap]) -> None:
        for gap in gaps:
            self.columns[gap.column].refused.add(gap.marker)

    def handle(self, gaps: Iterable[Gap], handling: Handling) -> None:
        for gap in gaps:
            self.columns[gap.column].handle(gap.marker, handling)


def learn_categories(
    step: Any, known: Any, signal: Signal, routes: Routes, *, is_strict: bool
) -> frozenset[Gap]:
    """Record an encoder's categories; return the gaps that the encoder knows as a category."""
    name = type(step).__name__
    missing = {None if value is None else np.nan for value in known if is_missing(value)}
    if isinstance(step, HISTOGRAM_BOOSTING):
        missing = {np.nan, None}
    if column := routes.raw(signal):
        present = [value for value in known if not is_missing(value)]
        values = _values(column, present)
        if values is None:
            column.lost_at = f"{name} has categories that cannot be written apart as texts"
            return frozenset()
        is_boolean = len(values) == 2 and all(isinstance(value, bool) for value in values)
        kind = Kind.BOOLEAN if is_boolean else Kind.CHOICE
        column.learn(name, kind=kind)
        # A number in one branch, or a text that this encoder must know, is a category here.
        if column.kind == Kind.FLOAT or (column.kind == Kind.STRING and is_strict):
            column.kind, column.sources["kind"] = kind, name
        column.learn(f"{name} (first category)", typical=values[0] if values else None)
        column.sources.setdefault("choices", name)
        column.vocabularies.append((values, is_strict))
        column.dtype = known.dtype if column.dtype is None else column.dtype
    elif known.dtype == object and all(isinstance(value, int | float) for value in known):
        routes.stack_as_objects(signal)
    filled = frozenset(gap for gap in signal.gaps if gap.form in missing)
    routes.handle(filled, Handling(0, f"{name} knows missing as a category"))
    routes.refuse(signal.gaps - filled)
    return filled


def _values(column: InputColumn, present: list[Any]) -> tuple[Scalar, ...] | None:
    """Categories as scalars of the contract; other types as the texts that stand for them, which
    ``column`` keeps. None if two of these texts are equal."""
    try:
        return tuple(map(_as_written, present))
    except NotAScalar:
        texts = category_texts(present)
    if texts is None:
        return None
    column.originals |= {text: one for (text, _), one in zip(texts, present, strict=True)}
    column.readings |= {text: reading for text, reading in texts if reading}
    return tuple(text for text, _ in texts)


def _as_written(value: Any) -> Scalar:
    """A category as people write it: a float32 of 0.1 is 0.1, and becomes a float32 again."""
    if isinstance(value, np.float32 | np.float16):
        return as_scalar(float(str(value)))
    return as_scalar(value)


def take_numbers(
    estimator: Any, signals: Signals, routes: Routes, saw_missing: Any = None
) -> list[Signal]:
    """Record that an estimator of scikit-learn computes with numbers: its columns are numbers, and
    missing values pass only where it says so; trees say it of every column, so they must have seen
    some."""
    aligned = spread(signals, getattr(estimator, "n_features_in_", len(signals)))
    values = training_values(estimator, len(aligned))
    passes_missing = allows_missing(estimator)
    name = type(estimator).__name__
    routes.use(aligned)
    if isinstance(estimator, OF_ONE_TYPE) and _learnt_type(estimator) == np.float32:
        routes.narrow(aligned, np.dtype(np.float32))
    if len(aligned) != len(signals):  # a text became many columns
        for signal in distinct(signals):
            if column := routes.raw(signal):
                column.learn(name, kind=Kind.FLOAT)
    passed: list[Signal] = []
    for index, signal in enumerate(aligned):
        if column := routes.raw(signal):
            column.learn(name, kind=Kind.FLOAT)
            for fact in ("minimum", "maximum", "typical"):
                numbers = getattr(values, fact)
                if numbers is not None and not np.isnan(numbers[index]):
                    column.learn(values.source, **{fact: float(numbers[index])})
        open_gaps = signal.gaps if passes_missing else frozenset()
        if saw_missing is not None:
            open_gaps = open_gaps if saw_missing[index] else frozenset()
            routes.handle(open_gaps, Handling(2, f"{name} was trained with missing values"))
        routes.refuse(signal.gaps - open_gaps)
        passed.append(replace(signal, gaps=open_gaps))
    return passed


def _learnt_type(estimator: Any) -> Any:
    learnt = getattr(estimator, "cluster_centers_", getattr(estimator, "components_", None))
    return getattr(learnt, "dtype", None)


def lose(step: Any, signals: Signals, routes: Routes) -> list[Signal]:
    """Record that the effect of the step on its columns is unknown."""
    routes.use(signals)
    for signal in distinct(signals):
        if column := routes.raw(signal):
            column.lost_at = type(step).__name__
        routes.refuse(signal.gaps)
    return [Signal(together(signals).origins)]


def is_sklearn(estimator: Any) -> bool:
    return type(estimator).__module__.partition(".")[0] == "sklearn"


def join(path: str | None, name: str | None) -> str | None:
    if path is None or name is None:
        return None
    return f"{path}.{name}" if path else name
