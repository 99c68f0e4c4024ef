"""The names of scikit-learn and pandas that are elsewhere, or not at all, in one of the versions
that a runtime may have: scikit-learn 1.2 to 1.9, pandas 1.5 to 3.

Everything else is imported from where it is in all of them.
"""

from __future__ import annotations

import importlib
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier, is_outlier_detector, is_regressor


def _found(*places: str) -> Any:
    """Return what the first of the places ``module:name`` holds that the libraries here have. Where
    they have none, a class that has no instances takes its place."""
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    return type(places[0].partition(":")[2], (), {})


# scikit-learn 1.3
TargetEncoder = _found("sklearn.preprocessing:TargetEncoder")
PyFuncDistance = tuple(
    _found(*(f"sklearn.metrics._dist_metrics:{name}" for name in names))
    for names in (("PyFuncDistance64", "PyFuncDistance"), ("PyFuncDistance32",))
)
# scikit-learn 1.5
FixedThresholdClassifier = _found("sklearn.model_selection:FixedThresholdClassifier")
TunedThresholdClassifierCV = _found("sklearn.model_selection:TunedThresholdClassifierCV")
# scikit-learn 1.6
FrozenEstimator = _found("sklearn.frozen:FrozenEstimator")
_tags: Any = _found("sklearn.utils:get_tags", "sklearn.utils._tags:_safe_tags")
# pandas 2.1
NumpyExtensionArray = _found("pandas.arrays:NumpyExtensionArray", "pandas.arrays:PandasArray")

_KINDS = {"DensityEstimator": "density_estimator"}
"""What scikit-learn before 1.6 calls a kind of estimator otherwise."""


def kind_of(estimator: Any) -> str:
    """Return the kind of estimator in scikit-learn's words: "classifier", "regressor", "clusterer",
    "outlier_detector", "density_estimator", or "" for none and for what has no tags."""
    try:
        tags = _tags(estimator)
    except (AttributeError, TypeError):
        return ""
    for kind, is_it in (
        ("classifier", is_classifier),
        ("regressor", is_regressor),
        ("outlier_detector", is_outlier_detector),
    ):
        if is_it(estimator):
            return kind
    if isinstance(tags, dict):
        kind = str(getattr(estimator, "_estimator_type", ""))
        return _KINDS.get(kind, kind)
    return str(tags.estimator_type or "")


def allows_missing(estimator: Any) -> bool:
    """Return whether the estimator's tags say that it computes with missing values."""
    tags = _tags(estimator)
    return bool(tags["allow_nan"] if isinstance(tags, dict) else tags.input_tags.allow_nan)


def text_type(missing: Any) -> Any:
    """Return pandas' type of texts that are Python's; ``missing``, NA or NaN, stands for none.
    Before pandas 2.3 only NA does."""
    kind: Any = pd.StringDtype
    if "na_value" not in signature(kind).parameters:
        return kind("python")
    return kind("python", na_value=pd.NA if missing is pd.NA else np.nan)
