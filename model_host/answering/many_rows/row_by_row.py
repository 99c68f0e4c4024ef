"""The models that give many rows, asked together, each row's own answer, and how to ask them.

A library may add numbers up in another order for many rows than for one: BLAS multiplies a matrix
by other steps than a vector, and NumPy sums a column-wise table otherwise than a row. Answers then
differ in their last digits. So only what computes each row by itself, whatever stands beside it, is
called with all rows at once (``WHOLE``); after such steps, linear models are called with what the
steps made of all rows, and multiply it with their coefficients row by row (``_Coefficients``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn import dummy, ensemble, linear_model, tree
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from model_host.answering.many_rows.row_tables import single_rows
from model_host.structure.anatomy import steps_of

WHOLE = frozenset(
    {
        tree.DecisionTreeClassifier,
        tree.DecisionTreeRegressor,
        tree.ExtraTreeClassifier,
        tree.ExtraTreeRegressor,
        ensemble.RandomForestClassifier,
        ensemble.RandomForestRegressor,
        ensemble.ExtraTreesClassifier,
        ensemble.ExtraTreesRegressor,
        ensemble.HistGradientBoostingClassifier,
        ensemble.HistGradientBoostingRegressor,
        ensemble.GradientBoostingClassifier,
        ensemble.GradientBoostingRegressor,
        ensemble.IsolationForest,
        dummy.DummyClassifier,
        dummy.DummyRegressor,
    }
)
"""The models that compute every row by itself: they walk trees, and add up tree by tree."""
SHARES_FIRST = frozenset({ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier})
"""The models whose label follows from the probabilities, which are computed once."""
STEPS = frozenset(
    {
        StandardScaler,
        MinMaxScaler,
        MaxAbsScaler,
        RobustScaler,
        Binarizer,
        KBinsDiscretizer,
        OneHotEncoder,
        OrdinalEncoder,
        SimpleImputer,
        MissingIndicator,
    }
)
"""The steps that compute every cell by itself."""
PRODUCTS: frozenset[type[Any]] = frozenset(
    {
        linear_model.LinearRegression,
        linear_model.Ridge,
        linear_model.RidgeCV,
        linear_model.Lasso,
        linear_model.LassoCV,
        linear_model.ElasticNet,
        linear_model.ElasticNetCV,
        linear_model.SGDRegressor,
        linear_model.HuberRegressor,
        linear_model.LogisticRegression,
        linear_model.LogisticRegressionCV,
        linear_model.SGDClassifier,
        linear_model.RidgeClassifier,
        linear_model.RidgeClassifierCV,
    }
)
"""The models that multiply the rows with their coefficients, and compute each row by itself from
there on."""
ROW_BY_ROW = frozenset(
    {linear_model.PoissonRegressor, linear_model.GammaRegressor, linear_model.TweedieRegressor}
)
"""The models that keep no state of a prediction, but whose numbers depend on the number of rows:
NumPy takes another way to ``exp`` of one number than of many."""
Ask = Callable[[str], Any]
"""The result of a method of the model for all rows together; None where it has no such method."""


def way_of(estimator: Any) -> tuple[list[Any], Any, bool] | None:
    """The steps to take with all rows, the model behind them, and whether it takes all rows, too.
    None where the answers might be others than those to one row."""
    if isinstance(estimator, BaseSearchCV):
        return way_of(estimator.best_estimator_)
    if type(estimator) is Pipeline:
        *before, (_, last) = steps_of(estimator)
        if not all(_is_step(step) for _, step in before) or type(last) is Pipeline:
            return None
        found = way_of(last)
        return None if found is None else ([step for _, step in before], last, found[2])
    if type(estimator) in ROW_BY_ROW | PRODUCTS:
        return [], estimator, False
    init = getattr(estimator, "init_", None)
    is_plain = init is None or isinstance(init, str) or type(init) in WHOLE
    return ([], estimator, True) if type(estimator) in WHOLE and is_plain else None


def _is_step(step: Any) -> bool:
    if isinstance(step, str):
        return step in ("passthrough", "drop")
    if type(step) is Pipeline:
        return all(_is_step(one) for _, one in steps_of(step))
    if type(step) is ColumnTransformer:
        return all(_is_step(one) for _, one, _ in step.transformers_)
    if type(step) is FeatureUnion:
        return all(_is_step(one) for _, one in step.transformer_list)
    # scikit-learn puts its own there for "passthrough", with neither function.
    is_passed = type(step).__name__ == "FunctionTransformer" and step.func is None
    return type(step) in STEPS or is_passed


def asking(way: tuple[list[Any], Any, bool], table: Any) -> Ask:
    """How to ask the model behind the steps, which are taken once."""
    steps, last, is_whole = way
    for step in steps:
        table = step.transform(table)
    made: list[Any] = []
    shares: list[Any] = []

    def whole(method: str) -> Any:
        if type(last) in SHARES_FIRST:
            shares.extend([] if shares else [last.predict_proba(table)])
            if method == "predict_proba":
                return shares[0]
            # Its own ``predict`` asks itself for the probabilities, and takes the first largest.
            vars(last)["predict_proba"] = lambda given: shares[0]
            try:
                return last.predict(table)
            finally:
                del vars(last)["predict_proba"]
        call = getattr(last, method, None)
        return None if call is None else call(table)

    def row_by_row(method: str) -> Any:
        if (call := getattr(last, method, None)) is None:
            return None
        if (answer := _by_products(last, method, table)) is not None:
            return answer
        made.extend([] if made else single_rows(table))
        return np.concatenate([np.asarray(call(row)) for row in made])

    return whole if is_whole else row_by_row


class _Coefficients(np.ndarray):
    """Coefficients that multiply a table as they multiply its rows alone: each by itself, at the
    beginning of memory of its own. ``multiplied`` are the numbers of rows of such tables."""

    multiplied: list[int]

    def __array_finalize__(self, made_from: Any) -> None:
        self.multiplied = getattr(made_from, "multiplied", [])

    def __rmatmul__(self, table: Any) -> Any:
        self.multiplied.append(len(table))
        numbers = self.view(np.ndarray)
        rows = (np.array(table[place : place + 1], order="C") for place in range(len(table)))
        return np.concatenate([row @ numbers for row in rows])


def _by_products(model: Any, method: str, table: Any) -> Any:
    """The answers of a linear model to all rows, whose products are those of the rows alone; None
    where they would not be."""
    known = vars(model).get("coef_")
    if type(model) not in PRODUCTS or type(known) is not np.ndarray:
        return None
    if issparse(table):  # SciPy adds up row by row
        return getattr(model, method)(table) if table.format == "csr" else None
    vars(model)["coef_"] = coefficients = known.view(_Coefficients)
    try:
        answer = getattr(model, method)(table)
    finally:
        vars(model)["coef_"] = known
    return answer if set(coefficients.multiplied) == {len(table)} else None
