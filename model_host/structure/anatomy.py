"""The parts of a fitted estimator, and the kind of answer it gives."""

from __future__ import annotations

from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.semi_supervised import SelfTrainingClassifier

from model_host.moved import (
    FixedThresholdClassifier,
    FrozenEstimator,
    TunedThresholdClassifierCV,
    kind_of,
)
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Task
from model_host.structure.scalars import as_scalar_or_text

TEXT_VECTORIZERS = (CountVectorizer, HashingVectorizer)
_VOTES = (VotingClassifier, VotingRegressor, StackingClassifier, StackingRegressor)
_COPIES = (OneVsRestClassifier, OneVsOneClassifier, MultiOutputClassifier, MultiOutputRegressor)
_THRESHOLDS = (FixedThresholdClassifier, TunedThresholdClassifierCV, SelfTrainingClassifier)

_TASKS: dict[str, Task] = {
    "classifier": "classification",
    "regressor": "regression",
    "outlier_detector": "outlier detection",
    "clusterer": "clustering",
    "density_estimator": "clustering",
}
_TELLING = ("feature_names_in_", "n_features_in_")

Member = tuple[str | None, Any]
"""A name for the diagram, None for a further copy of the member before, and a fitted estimator."""


def members(estimator: Any) -> list[Member]:
    """Return the fitted estimators that get exactly the columns that ``estimator`` got; [] for a
    leaf."""
    if isinstance(estimator, BaseSearchCV):
        return [("best_estimator", estimator.best_estimator_)]
    if isinstance(estimator, TransformedTargetRegressor):
        return [("regressor", estimator.regressor_)]
    if isinstance(estimator, FrozenEstimator):
        return [("estimator", estimator.estimator)]
    if isinstance(estimator, _THRESHOLDS):
        return [("estimator", estimator.estimator_)]
    if isinstance(estimator, CalibratedClassifierCV):
        return _copies([fold.estimator for fold in estimator.calibrated_classifiers_])
    if isinstance(estimator, _VOTES):
        names = [name for name, member in estimator.estimators if member != "drop"]
        return list(zip(names, estimator.estimators_, strict=True))
    if isinstance(estimator, _COPIES):
        return _copies(estimator.estimators_)
    if isinstance(estimator, BaggingClassifier | BaggingRegressor):
        every = list(range(estimator.n_features_in_))
        sees_all = all(list(columns) == every for columns in estimator.estimators_features_)
        return _copies(estimator.estimators_) if sees_all else []
    return []


def _copies(estimators: list[Any]) -> list[Member]:
    """Members that differ only in what they were fitted on: the diagram shows the first."""
    return [("copies" if number == 0 else None, one) for number, one in enumerate(estimators)]


def steps_of(pipeline: Pipeline) -> list[Member]:
    """Return the pipeline's steps that do something, in order; the last one predicts."""
    return [(name, step) for name, step in pipeline.steps if step not in (None, "passthrough")]


def final_estimator(estimator: Any) -> Any:
    """Return the estimator that gives the answer, inside pipelines and searches."""
    if isinstance(estimator, Pipeline):
        return final_estimator(steps_of(estimator)[-1][1])
    if isinstance(estimator, BaseSearchCV | FrozenEstimator):
        return final_estimator(members(estimator)[0][1])
    return estimator


def entrances(estimator: Any) -> list[Any]:
    """Return the inner estimators that receive the rows first."""
    if isinstance(estimator, Pipeline):
        return [step for _, step in steps_of(estimator)[:1]]
    if isinstance(estimator, FeatureUnion):
        return [member for _, member in estimator.transformer_list if not isinstance(member, str)]
    return [member for _, member in members(estimator)]


def takes_texts(estimator: Any) -> bool:
    """Return whether it is called with a list of texts rather than with a table."""
    if isinstance(estimator, TEXT_VECTORIZERS):
        return True
    first = entrances(estimator)
    return bool(first) and all(takes_texts(member) for member in first)


def takes_records(estimator: Any) -> bool:
    """Return whether it is called with a list of mappings, one for each row."""
    if isinstance(estimator, FeatureHasher):
        return bool(estimator.input_type == "dict")
    first = entrances(estimator)
    return isinstance(estimator, DictVectorizer) or (
        bool(first) and all(takes_records(member) for member in first)
    )


def vocabulary_of(vectorizer: DictVectorizer) -> dict[str, list[str]]:
    """Return the keys that it was fitted on, in the order of its columns, each with the texts it
    knows; with none where it takes numbers. Keys that are no texts are left out: nobody can enter
    them."""
    found: dict[str, list[str]] = {}
    for feature in vectorizer.feature_names_:
        name, text = key_of(vectorizer, feature)
        if name:
            found.setdefault(name, []).extend([] if text is None else [text])
    return found


def key_of(vectorizer: DictVectorizer, feature: Any) -> tuple[str, str | None]:
    """Return the key that a column was made of, and the text where it stands for one. "" where the
    key is no text."""
    if not isinstance(feature, str):
        return "", None
    name, mark, text = feature.partition(vectorizer.separator or "\0")
    return name, text if mark else None


def keys_of(estimator: Any) -> list[str]:
    """Return the keys that the vectorizers at its entrance were fitted on."""
    if isinstance(estimator, DictVectorizer):
        return list(vocabulary_of(estimator))
    inner = [key for member in entrances(estimator) for key in keys_of(member)]
    return list(dict.fromkeys(inner))


def entrance_of(estimator: Any) -> Any:
    """Return the innermost part that receives the rows first."""
    first = entrances(estimator)
    return entrance_of(first[0]) if first else estimator


def first_that_knows(estimator: Any) -> Any:
    """Return the first part on the rows' way that tells what reaches it: names or a number of
    columns, or that they are texts or mappings. None where none does before the columns are
    others."""
    parts = [step for _, step in steps_of(estimator)] if isinstance(estimator, Pipeline) else []
    for part in parts or entrances(estimator):
        if isinstance(part, FeatureHasher):
            return None
        if (found := first_that_knows(part)) is not None:
            return found
    knows = any(getattr(estimator, one, None) is not None for one in _TELLING)
    is_leaf = isinstance(estimator, (*TEXT_VECTORIZERS, DictVectorizer))
    return estimator if knows or is_leaf else None


def from_entrance(estimator: Any, attribute: str) -> Any:
    """Return ``n_features_in_`` or ``feature_names_in_`` of the estimator, or of the first inside
    it that has one (a pipeline that begins with "passthrough" has none of its own); else None."""
    own = getattr(estimator, attribute, None)
    if own is not None:
        return own
    found = (from_entrance(member, attribute) for member in entrances(estimator))
    return next((value for value in found if value is not None), None)


def task_of(estimator: Any) -> Task:
    """Return what kind of answer ``predict`` gives, by the estimator's tags."""
    return _TASKS.get(kind_of(estimator), "other")


def classes_by_target(estimator: Any) -> list[tuple[Any, ...]] | None:
    """Return ``classes_`` of a classifier, one tuple for each target where it keeps them apart.

    A multilabel classifier that keeps one flat ``classes_`` (MLP, one-vs-rest) gives that one
    tuple. None where nothing has classes.
    """
    if task_of(estimator) != "classification":
        return None
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return None
    if isinstance(classes, list) and classes and hasattr(classes[0], "__len__"):
        return [() if isinstance(one, str) else tuple(one) for one in classes]
    return [tuple(classes)]


def labels(classes: tuple[Any, ...]) -> tuple[Scalar, ...]:
    """Convert class labels to scalars of the contract."""
    return tuple(as_scalar_or_text(label) for label in classes)


def target_names(count: int) -> list[str]:
    """Generate names for the outputs, which scikit-learn does not keep."""
    return ["prediction"] if count == 1 else [f"output {n}" for n in range(1, count + 1)]
