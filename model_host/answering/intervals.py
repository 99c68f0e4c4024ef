"""The 90 % interval of regressors that know their own standard deviation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.compose import TransformedTargetRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import ARDRegression, BayesianRidge
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from model_host.moved import FrozenEstimator
from model_host.protocol.outputs import Interval
from model_host.structure.anatomy import steps_of

_NATIVE = (GaussianProcessRegressor, BayesianRidge, ARDRegression)
_MONOTONE = (
    StandardScaler,
    MinMaxScaler,
    MaxAbsScaler,
    RobustScaler,
    PowerTransformer,
    QuantileTransformer,
)
_MONOTONE_INVERSES = (np.exp, np.expm1, np.exp2)
_QUANTILE = 1.645
"""The 95 % quantile of the standard normal distribution: 90 % lie within so many standard
deviations."""

Bounds = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def gives_interval(estimator: Any) -> bool:
    """Return whether the estimator has a standard deviation of its own that an honest interval
    follows from: behind pipelines and searches, and behind a target transformation that is
    monotone."""
    if isinstance(estimator, Pipeline):
        return gives_interval(steps_of(estimator)[-1][1])
    if isinstance(estimator, BaseSearchCV):
        return gives_interval(estimator.best_estimator_)
    if isinstance(estimator, FrozenEstimator):
        return gives_interval(estimator.estimator)
    if isinstance(estimator, TransformedTargetRegressor):
        return _is_monotone(estimator.transformer_) and gives_interval(estimator.regressor_)
    return isinstance(estimator, _NATIVE)


def intervals(estimator: Any, row: Any, values: npt.NDArray[np.float64]) -> list[Interval | None]:
    """Return an interval for each of the predicted ``values``; None where the bounds are not finite
    or do not enclose the value. Call only where ``gives_interval``."""
    low, high = _bounds(estimator, row)
    return [
        Interval(float(least), float(most))
        if np.isfinite([least, most]).all() and least <= value <= most
        else None
        for least, value, most in zip(low.ravel(), values.ravel(), high.ravel(), strict=True)
    ]


def _bounds(estimator: Any, row: Any) -> Bounds:
    if isinstance(estimator, BaseSearchCV):
        return _bounds(estimator.best_estimator_, row)
    if isinstance(estimator, FrozenEstimator):
        return _bounds(estimator.estimator, row)
    if isinstance(estimator, Pipeline):
        for _, step in steps_of(estimator)[:-1]:
            row = step.transform(row)
        return _bounds(steps_of(estimator)[-1][1], row)
    if isinstance(estimator, TransformedTargetRegressor):
        # Quantiles pass through a monotone transformation; a standard deviation does not.
        inverse = estimator.transformer_.inverse_transform
        ends = [
            inverse(end.reshape(-1, 1) if end.ndim == 1 else end)
            for end in _bounds(estimator.regressor_, row)
        ]
        return np.minimum(*ends), np.maximum(*ends)
    # Of a DataFrame some make a Series, which the arrays around it do not expect.
    mean, deviation = map(np.asarray, estimator.predict(row, return_std=True))
    return mean - _QUANTILE * deviation, mean + _QUANTILE * deviation


def _is_monotone(transformer: Any) -> bool:
    if isinstance(transformer, FunctionTransformer):
        inverse = transformer.inverse_func
        return inverse is None or any(inverse is one for one in _MONOTONE_INVERSES)
    return isinstance(transformer, _MONOTONE)
