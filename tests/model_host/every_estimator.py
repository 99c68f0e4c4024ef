"""Every estimator that scikit-learn lists, fitted on 40 small rows, as somebody might serve it.

What predicts stands alone. What only transforms has a predictor behind it in a pipeline. What does
neither for a table is kept by a model as an attribute, as people keep the encoder of their labels.
What only arranges the rows it was fitted on (``NO_NEW_ROWS``) is fitted to see it refused by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from sklearn import linear_model, naive_bayes, tree
from sklearn.base import is_classifier
from sklearn.experimental import (  # noqa: F401  (they let the two be listed)
    enable_halving_search_cv,
    enable_iterative_imputer,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from model_host.loading.allow_list import is_older
from tests.model_host.estimators import Specimen

CLASSES: dict[str, Any] = dict(all_estimators())
NAMES = tuple(CLASSES)

NO_NEW_ROWS = (
    "AgglomerativeClustering",
    "ClassicalMDS",
    "DBSCAN",
    "HDBSCAN",
    "MDS",
    "OPTICS",
    "SpectralBiclustering",
    "SpectralClustering",
    "SpectralCoclustering",
    "SpectralEmbedding",
    "TSNE",
)
_KEPT = (
    "EmpiricalCovariance",
    "GraphicalLasso",
    "GraphicalLassoCV",
    "KernelDensity",
    "LabelBinarizer",
    "LabelEncoder",
    "LedoitWolf",
    "MinCovDet",
    "MultiLabelBinarizer",
    "NearestNeighbors",
    "OAS",
    "PatchExtractor",
    "PLSSVD",
    "ShrunkCovariance",
)
_OF_TARGETS = ("LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer")

_rng = np.random.default_rng(7)
ROWS = _rng.uniform(0.1, 1.1, size=(40, 4))
AMOUNT = ROWS @ [1.0, 2.0, -1.0, 0.5] + 2
CLASS = np.array(["a", "b", "c"], dtype=object)[AMOUNT.argsort().argsort() // 14]
SWITCH = (np.median(AMOUNT) < AMOUNT).astype(int)
AMOUNTS = np.column_stack([AMOUNT, AMOUNT[::-1]])

_RIDGE = linear_model.Ridge()
_IN_A_CHAIN = "base_estimator" if is_older("scikit-learn 1.7") else "estimator"
_LARS = linear_model.Lars()
_BAYES = naive_bayes.GaussianNB()
_TREE = tree.DecisionTreeClassifier(max_depth=2, random_state=0)

_PARAMETERS: dict[str, dict[str, Any]] = {
    "AdaBoostClassifier": {"n_estimators": 3},
    "AdaBoostRegressor": {"n_estimators": 3},
    "BaggingClassifier": {"n_estimators": 3},
    "BaggingRegressor": {"n_estimators": 3},
    "BernoulliRBM": {"n_iter": 2},
    "CCA": {"n_components": 1},
    "ClassifierChain": {_IN_A_CHAIN: _BAYES},
    "ColumnTransformer": {"transformers": [("scaled", StandardScaler(), [0, 1])]},
    "DictionaryLearning": {"n_components": 2, "max_iter": 3},
    "ExtraTreesClassifier": {"n_estimators": 3},
    "ExtraTreesRegressor": {"n_estimators": 3},
    "FeatureHasher": {"n_features": 8, "input_type": "string"},
    "FeatureUnion": {"transformer_list": [("scaled", StandardScaler())]},
    "FixedThresholdClassifier": {"estimator": _BAYES, "threshold": 0.3},
    "FrozenEstimator": {"estimator": naive_bayes.GaussianNB().fit(ROWS, CLASS)},
    "GenericUnivariateSelect": {"param": 50},
    "GradientBoostingClassifier": {"n_estimators": 3},
    "GradientBoostingRegressor": {"n_estimators": 3},
    "GraphicalLassoCV": {"cv": 2, "alphas": 2},
    "GridSearchCV": {"estimator": _RIDGE, "param_grid": {"alpha": [1.0, 2.0]}, "cv": 2},
    "HalvingGridSearchCV": {"estimator": _TREE, "param_grid": {"max_depth": [1, 2]}, "cv": 2},
    "HalvingRandomSearchCV": {
        "estimator": _TREE,
        "param_distributions": {"max_depth": [1, 2]},
        "cv": 2,
    },
    "HashingVectorizer": {"n_features": 8},
    "HistGradientBoostingClassifier": {"max_iter": 3},
    "HistGradientBoostingRegressor": {"max_iter": 3},
    "IsolationForest": {"n_estimators": 3},
    "IterativeImputer": {"max_iter": 2},
    "LatentDirichletAllocation": {"n_components": 2, "max_iter": 2},
    "LocalOutlierFactor": {"novelty": True},
    "MLPClassifier": {"hidden_layer_sizes": (3,), "max_iter": 3},
    "MLPRegressor": {"hidden_layer_sizes": (3,), "max_iter": 3},
    "MiniBatchDictionaryLearning": {"n_components": 2, "max_iter": 3},
    "MiniBatchNMF": {"n_components": 2, "max_iter": 5},
    "MiniBatchSparsePCA": {"n_components": 2, "max_iter": 5},
    "MissingIndicator": {"features": "all"},
    "MultiOutputClassifier": {"estimator": _BAYES},
    "MultiOutputRegressor": {"estimator": _RIDGE},
    "NeighborhoodComponentsAnalysis": {"max_iter": 3},
    "NuSVC": {"nu": 0.3},
    "OneVsOneClassifier": {"estimator": _BAYES},
    "OneVsRestClassifier": {"estimator": _BAYES},
    "OutputCodeClassifier": {"estimator": _BAYES},
    "PLSCanonical": {"n_components": 1},
    "PLSSVD": {"n_components": 1},
    "PatchExtractor": {"patch_size": (1, 1)},
    "Pipeline": {"steps": [("scaled", StandardScaler()), ("model", _RIDGE)]},
    "RFE": {"estimator": _RIDGE},
    "RFECV": {"estimator": _RIDGE, "cv": 2},
    "RadiusNeighborsClassifier": {"radius": 3.0},
    "RadiusNeighborsRegressor": {"radius": 3.0},
    "RandomForestClassifier": {"n_estimators": 3},
    "RandomForestRegressor": {"n_estimators": 3},
    "RandomTreesEmbedding": {"n_estimators": 3},
    "RandomizedSearchCV": {
        "estimator": _RIDGE,
        "param_distributions": {"alpha": [1.0, 2.0]},
        "n_iter": 2,
        "cv": 2,
    },
    "RegressorChain": {_IN_A_CHAIN: _RIDGE},
    "GaussianRandomProjection": {"n_components": 2},
    "SelectFdr": {"alpha": 1.0},
    "SelectFpr": {"alpha": 1.0},
    "SelectFromModel": {"estimator": _RIDGE},
    "SelectFwe": {"alpha": 1.0},
    "SelectKBest": {"k": 2},
    "SelectPercentile": {"percentile": 50},
    "SelfTrainingClassifier": {"estimator": _BAYES},
    "SequentialFeatureSelector": {"estimator": _RIDGE, "n_features_to_select": 1, "cv": 2},
    "SparseCoder": {"dictionary": np.eye(4)},
    "SparsePCA": {"n_components": 2, "max_iter": 5},
    "SparseRandomProjection": {"n_components": 2},
    "SpectralBiclustering": {"n_clusters": 2},
    "SpectralCoclustering": {"n_clusters": 2},
    "StackingClassifier": {"estimators": [("bayes", _BAYES), ("tree", _TREE)], "cv": 2},
    "StackingRegressor": {
        "estimators": [("ridge", _RIDGE), ("lars", _LARS)],
        "cv": 2,
    },
    "TSNE": {"perplexity": 5, "max_iter": 250},
    "TheilSenRegressor": {"max_subpopulation": 20},
    "TransformedTargetRegressor": {"transformer": StandardScaler()},
    "TunedThresholdClassifierCV": {"estimator": _BAYES, "cv": 2},
    "VotingClassifier": {"estimators": [("bayes", _BAYES), ("tree", _TREE)]},
    "VotingRegressor": {"estimators": [("ridge", _RIDGE), ("lars", _LARS)]},
}
_TEXTS = [f"{word} {'good' if n % 2 else 'bad'}" for n, word in enumerate(["food", "wine"] * 20)]
_INPUTS: dict[str, Any] = {
    **dict.fromkeys(("CountVectorizer", "HashingVectorizer", "TfidfVectorizer"), _TEXTS),
    "DictVectorizer": [{"size": float(n), "word": word} for n, word in enumerate(_TEXTS[:4] * 10)],
    "FeatureHasher": [line.split() for line in _TEXTS],
    "KernelCenterer": ROWS @ ROWS.T,
    "MissingIndicator": np.where(ROWS < 0.3, np.nan, ROWS),
    "IsotonicRegression": ROWS[:, :1],
    "PatchExtractor": ROWS[:, None, :1],
}
_TARGETS: dict[str, Any] = {
    **dict.fromkeys(("MultiOutputClassifier", "ClassifierChain"), np.column_stack([SWITCH] * 2)),
    **dict.fromkeys(("FixedThresholdClassifier", "TunedThresholdClassifierCV"), SWITCH),
    **dict.fromkeys(("HalvingGridSearchCV", "HalvingRandomSearchCV"), CLASS),
    **dict.fromkeys(("NeighborhoodComponentsAnalysis", "GenericUnivariateSelect"), CLASS),
    **dict.fromkeys(("SelectFdr", "SelectFpr", "SelectFwe"), CLASS),
    **dict.fromkeys(("SelectKBest", "SelectPercentile"), CLASS),
    "LabelPropagation": np.where(np.arange(40) % 5, SWITCH, -1),
    "LabelSpreading": np.where(np.arange(40) % 5, SWITCH, -1),
    "MultiLabelBinarizer": [{one} for one in CLASS],
    "LabelBinarizer": CLASS,
    "LabelEncoder": CLASS,
    "SelfTrainingClassifier": np.where(np.arange(40) % 5, SWITCH, -1),
}


def parts_of(root: Any) -> Iterator[Any]:
    """Yield every object with attributes in ``root`` once; a module, which SciPy's splines keep,
    would lead to all others."""
    seen: dict[int, Any] = {}
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, type | str | FunctionType | ModuleType):
            continue
        seen[id(part)] = part
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, np.ndarray):
            waiting += part.ravel().tolist() if part.dtype == object else []
        elif getattr(part, "__dict__", None):
            yield part
            waiting += vars(part).values()


_SEVERAL = ("MultiTask", "MultiOutput", "RegressorChain", "CCA", "PLS")


@cache
def every(name: str) -> Specimen:
    """Return the named class fitted, and two rows for it; the same object again in one process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of models that had no time to converge
        return _fitted(name)


def _fitted(name: str) -> Specimen:
    estimator = CLASSES[name](**_PARAMETERS.get(name, {}))
    if "random_state" in estimator.get_params(deep=False):
        estimator.set_params(random_state=0)
    inputs = _INPUTS.get(name, ROWS)
    usual = CLASS if is_classifier(estimator) else AMOUNTS if name.startswith(_SEVERAL) else AMOUNT
    target = _TARGETS.get(name, usual)
    if name in _KEPT:
        estimator.fit(target) if name in _OF_TARGETS else estimator.fit(inputs, target)
        model = linear_model.LinearRegression().fit(ROWS, AMOUNT)
        model.kept_ = estimator
        return Specimen(name, model, ROWS[:2])
    if name not in NO_NEW_ROWS and not hasattr(estimator, "predict"):
        last = linear_model.LogisticRegression() if target is CLASS else linear_model.Ridge()
        estimator = make_pipeline(estimator, last)
    return Specimen(name, estimator.fit(inputs, target), inputs[:2])
