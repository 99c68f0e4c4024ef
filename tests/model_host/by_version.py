"""Models as each minor version of scikit-learn from 1.2 on saved them, with that version's own
answers.

``python -m tests.model_host.by_version`` saves every kind with the interpreter that runs it, by
joblib, pickle and skops, in one file of ``versions/`` that is named by scikit-learn's version.
Beside them are the rows and the answers as JSON, which every version reads. Takes the libraries of
``model_host/runtimes`` alone, and is made again by ``make runtimes CORPUS=1``.

``python -m tests.model_host.by_version answers FILE`` opens a file as anybody would, with the
library's own loaders, and prints the answers again: those of another machine may differ in the last
digit.
"""

from __future__ import annotations

import io
import json
import math
import pickle
import sys
import tarfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
import skops.io
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    isotonic,
    linear_model,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes it importable)
from sklearn.pipeline import make_pipeline

VERSIONS = Path(__file__).parent / "versions"
FORMATS = ("joblib", "pickle", "skops")
_ANSWERS = "answers.json"
_OUTPUTS = ("predict", "predict_proba")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """A kind of model. ``container``: what it is asked with, in the words of the contract."""

    container: str
    fit: Callable[[], Any]


@dataclass(frozen=True)
class Saved:
    """One kind in one format, with the rows and what its version says of each of them. ``refused``:
    why skops could not write it, whose ``content`` is empty then."""

    kind: str
    format: str
    content: bytes
    container: str
    columns: dict[str, str]
    rows: Rows
    answers: list[dict[str, Any]]
    refused: str = ""


_rng = np.random.default_rng(18)
NUMBERS = _rng.normal(size=(60, 4)).round(3)
AMOUNT = (NUMBERS @ [1.0, -2.0, 0.5, 3.0] + _rng.normal(size=60) / 4).round(3)
COUNT = np.exp(AMOUNT / 4).round()
CLASS = (AMOUNT > 0).astype(int)
LEVEL = np.array(["high", "low", "mid"])[np.digitize(AMOUNT, [-1.5, 1.5])]
BOTH = np.column_stack([AMOUNT, NUMBERS[:, 0] * 2]).round(3)
LABELS = np.column_stack([CLASS, NUMBERS[:, 0] > 0]).astype(int)
COLOURS = ["red", "green", "blue"]
TABLE = pd.DataFrame(
    {
        "age": [float(20 + n) if n % 7 else math.nan for n in range(60)],
        "income": (NUMBERS[:, 0] * 900 + 4000).round(2),
        "colour": [COLOURS[n % 3] for n in range(60)],
        "size": [("S", "M", "L")[n % 4 % 3] for n in range(60)],
    }
)
WORDS = ("good", "bad", "fine", "poor", "day", "night", "food", "service")
TEXTS = [f"{WORDS[n % 8]} {WORDS[(n * 3 + 1) % 8]} {WORDS[(n * n) % 8]}" for n in range(60)]
ASKED: dict[str, Rows] = {
    "array": [
        {"x0": 0.1, "x1": -0.4, "x2": 1.25, "x3": 0.0},
        {"x0": -1.5, "x1": 0.75, "x2": -0.2, "x3": 2.0},
        {"x0": 2.5, "x1": 2.5, "x2": 2.5, "x3": -2.5},
    ],
    "frame": [
        {"age": 31.0, "income": 4100.5, "colour": "red", "size": "M"},
        {"age": None, "income": 2500.0, "colour": "blue", "size": "S"},
        {"age": 64.0, "income": 6100.25, "colour": "green", "size": "L"},
    ],
    "texts": [{"text": "good food"}, {"text": "poor service at night"}, {"text": "unknown"}],
    "one": [{"x0": 0.5}, {"x0": -0.75}, {"x0": 9.0}],
}
COLUMNS: dict[str, dict[str, str]] = {
    "array": dict.fromkeys(("x0", "x1", "x2", "x3"), "float"),
    "frame": {"age": "float", "income": "float", "colour": "choice", "size": "choice"},
    "texts": {"text": "string"},
    "one": {"x0": "float"},
}


def _on(target: Any, *, container: str = "array") -> Callable[[Any], Kind]:
    rows: Any = {"array": NUMBERS, "frame": TABLE, "texts": TEXTS, "one": NUMBERS[:, 0]}[container]

    def kind(model: Any) -> Kind:
        return Kind(container, lambda: model.fit(rows, target))

    return kind


def _columns(categories: Any, numbers: Any = None) -> Any:
    """A transformer of the table's columns."""
    numbers = numbers or make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    return compose.ColumnTransformer(
        [("numbers", numbers, ["age", "income"]), ("categories", categories, ["colour", "size"])]
    )


def kinds() -> dict[str, Kind]:
    """Every kind that this version of scikit-learn has."""
    classes, level, amount = _on(CLASS), _on(LEVEL), _on(AMOUNT)
    table, table_amount = _on(CLASS, container="frame"), _on(AMOUNT, container="frame")
    texts = _on(LEVEL, container="texts")
    codes = preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    logistic = linear_model.LogisticRegression
    small_tree = tree.DecisionTreeClassifier(max_depth=3, random_state=0)
    found = {
        "logistic regression": level(logistic()),
        "ridge": amount(linear_model.Ridge()),
        "lasso": amount(linear_model.Lasso(0.01)),
        "bayesian ridge": amount(linear_model.BayesianRidge()),
        "quantile regression": amount(linear_model.QuantileRegressor(alpha=0.01, solver="highs")),
        "poisson regression": _on(COUNT)(linear_model.PoissonRegressor()),
        "huber regression": amount(linear_model.HuberRegressor()),
        "gradient descent": classes(linear_model.SGDClassifier(loss="log_loss", random_state=0)),
        "gradient descent of hinge": level(linear_model.SGDClassifier(random_state=0)),
        "gradient descent of huber": amount(linear_model.SGDRegressor(loss="huber")),
        "ridge classifier": level(linear_model.RidgeClassifierCV()),
        "decision tree": level(small_tree),
        "random forest": level(ensemble.RandomForestClassifier(5, max_depth=4, random_state=0)),
        "extra trees": amount(ensemble.ExtraTreesRegressor(5, max_depth=4, random_state=0)),
        "adaboost": level(ensemble.AdaBoostClassifier(small_tree, n_estimators=5, random_state=0)),
        "adaboost regression": amount(ensemble.AdaBoostRegressor(n_estimators=4, random_state=0)),
        "gradient boosting": classes(
            ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0)
        ),
        "gradient boosting of three classes": level(
            ensemble.GradientBoostingClassifier(n_estimators=4, random_state=0)
        ),
        "gradient boosting of huber": amount(
            ensemble.GradientBoostingRegressor(loss="huber", n_estimators=5, random_state=0)
        ),
        "gradient boosting of a quantile": amount(
            ensemble.GradientBoostingRegressor(loss="quantile", alpha=0.8, n_estimators=5)
        ),
        "histogram boosting": classes(ensemble.HistGradientBoostingClassifier(max_iter=4)),
        "histogram boosting of three classes": level(
            ensemble.HistGradientBoostingClassifier(max_iter=4)
        ),
        "histogram boosting with categories": table_amount(
            make_pipeline(
                _columns(codes, "passthrough"),
                ensemble.HistGradientBoostingRegressor(max_iter=4, categorical_features=[2, 3]),
            )
        ),
        "histogram boosting of a quantile": amount(
            ensemble.HistGradientBoostingRegressor(loss="quantile", quantile=0.7, max_iter=4)
        ),
        "bagging": level(ensemble.BaggingClassifier(small_tree, n_estimators=3, random_state=0)),
        "voting": level(
            ensemble.VotingClassifier(
                [("a", logistic()), ("b", naive_bayes.GaussianNB())], voting="soft"
            )
        ),
        "stacking": level(
            ensemble.StackingClassifier([("a", logistic()), ("b", small_tree)], logistic(), cv=3)
        ),
        "stacking regression": amount(
            ensemble.StackingRegressor(
                [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))], cv=3
            )
        ),
        "calibrated": level(
            calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=0), cv=3)
        ),
        "calibrated isotonic": classes(
            calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), method="isotonic", cv=3)
        ),
        "isotonic": _on(AMOUNT, container="one")(isotonic.IsotonicRegression(out_of_bounds="clip")),
        "gaussian process": amount(gaussian_process.GaussianProcessRegressor(random_state=0)),
        "gaussian process classifier": classes(
            gaussian_process.GaussianProcessClassifier(random_state=0)
        ),
        "isolation forest": amount(ensemble.IsolationForest(n_estimators=5, random_state=0)),
        "local outliers": amount(neighbors.LocalOutlierFactor(n_neighbors=5, novelty=True)),
        "k-means": amount(cluster.KMeans(3, n_init=2, random_state=0)),
        "principal components": level(
            make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(2), logistic())
        ),
        "partial least squares": amount(cross_decomposition.PLSRegression(2)),
        "non-negative factors": amount(
            make_pipeline(
                preprocessing.MinMaxScaler(clip=True),
                decomposition.NMF(2, init="nndsvda", max_iter=500),
                linear_model.Ridge(),
            )
        ),
        "neural network": level(
            make_pipeline(
                preprocessing.StandardScaler(),
                neural_network.MLPClassifier(hidden_layer_sizes=(6,), max_iter=30, random_state=0),
            )
        ),
        "neural network regression": amount(
            neural_network.MLPRegressor(hidden_layer_sizes=(6,), max_iter=30, random_state=0)
        ),
        "nearest neighbours": level(neighbors.KNeighborsClassifier(5)),
        "nearest neighbours in a tree": amount(
            neighbors.KNeighborsRegressor(4, algorithm="kd_tree", weights="distance")
        ),
        "nearest neighbours in balls": amount(
            neighbors.KNeighborsRegressor(4, algorithm="ball_tree", metric="manhattan")
        ),
        "support vectors": level(svm.SVC()),
        "support vectors with probabilities": classes(svm.SVC(probability=True, random_state=0)),
        "support vector regression": amount(svm.SVR(kernel="linear")),
        "naive bayes": level(naive_bayes.GaussianNB()),
        "linear discriminant": level(discriminant_analysis.LinearDiscriminantAnalysis()),
        "quadratic discriminant": classes(discriminant_analysis.QuadraticDiscriminantAnalysis()),
        "several outputs": _on(BOTH)(multioutput.MultiOutputRegressor(linear_model.Ridge())),
        "several labels": _on(LABELS)(multioutput.MultiOutputClassifier(logistic())),
        "classifier chain": _on(LABELS)(
            multioutput.ClassifierChain(logistic(), order=[1, 0], random_state=0)
        ),
        "one versus rest": level(multiclass.OneVsRestClassifier(svm.LinearSVC(random_state=0))),
        "search": level(
            model_selection.GridSearchCV(logistic(), {"C": [0.1, 1.0]}, cv=3, scoring="f1_macro")
        ),
        "selected columns": level(make_pipeline(feature_selection.SelectKBest(k=2), logistic())),
        "splines": amount(
            make_pipeline(preprocessing.SplineTransformer(n_knots=4), linear_model.Ridge())
        ),
        "polynomial": amount(
            make_pipeline(preprocessing.PolynomialFeatures(2), linear_model.Ridge())
        ),
        "quantiles": amount(
            make_pipeline(
                preprocessing.QuantileTransformer(n_quantiles=10, random_state=0),
                linear_model.Ridge(),
            )
        ),
        "functions of NumPy": amount(
            make_pipeline(
                preprocessing.FunctionTransformer(np.abs),
                preprocessing.FunctionTransformer(np.log1p),
                linear_model.Ridge(),
            )
        ),
        "transformed target": _on(COUNT)(
            compose.TransformedTargetRegressor(
                linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1
            )
        ),
        "columns, one-hot": table(
            make_pipeline(
                _columns(preprocessing.OneHotEncoder(handle_unknown="ignore")), logistic()
            )
        ),
        "columns, ordinal": table(
            make_pipeline(_columns(codes), ensemble.RandomForestClassifier(4, random_state=0))
        ),
        "columns, bins": table_amount(
            make_pipeline(
                _columns(
                    preprocessing.OneHotEncoder(drop="first"),
                    make_pipeline(
                        impute.SimpleImputer(strategy="median", add_indicator=True),
                        preprocessing.KBinsDiscretizer(
                            3, encode="onehot-dense", strategy="uniform"
                        ),
                    ),
                ),
                linear_model.Ridge(),
            )
        ),
        "columns, nearest values": table(
            make_pipeline(_columns(codes, impute.KNNImputer(n_neighbors=3)), logistic())
        ),
        "columns, iterated values": table(
            make_pipeline(
                _columns(codes, impute.IterativeImputer(max_iter=3, random_state=0)), logistic()
            )
        ),
        "words": texts(make_pipeline(feature_extraction.text.TfidfVectorizer(), logistic())),
        "counted words": texts(
            make_pipeline(
                feature_extraction.text.CountVectorizer(ngram_range=(1, 2)),
                naive_bayes.MultinomialNB(),
            )
        ),
    }
    if hasattr(preprocessing, "TargetEncoder"):  # since scikit-learn 1.3
        found["columns, means of the target"] = table(
            make_pipeline(_columns(preprocessing.TargetEncoder(cv=3, random_state=0)), logistic())
        )
    return found


def argument(container: str, row: dict[str, Any]) -> Any:
    """A row as the estimator takes it."""
    if container == "texts":
        return [row["text"]]
    if container == "frame":
        return pd.DataFrame([row]).astype({"age": float, "income": float})
    return np.array([list(row.values())], dtype=float)


def answers(estimator: Any, container: str, rows: Rows) -> list[dict[str, Any]]:
    """What the estimator says of each row: the prediction, and probabilities where it has them."""
    said = []
    for row in rows:
        given = argument(container, row)
        told: dict[str, Any] = {}
        for name in _OUTPUTS:
            if hasattr(estimator, name):
                told[name] = json.loads(json.dumps(getattr(estimator, name)(given), default=_plain))
        said.append(told)
    return said


def _plain(value: Any) -> Any:
    return value.tolist()


def write() -> Path:
    """Save every kind in every format, and return the file."""
    path = VERSIONS / f"scikit-learn-{sklearn.__version__}.tar.xz"
    path.parent.mkdir(exist_ok=True)
    told: dict[str, Any] = {}
    with tarfile.open(path, "w:xz", preset=9) as archive:
        for name, kind in kinds().items():
            model = kind.fit()
            rows = ASKED[kind.container]
            told[name] = {
                "container": kind.container,
                "answers": answers(model, kind.container, rows),
                "refused": "",
            }
            buffer = io.BytesIO()
            joblib.dump(model, buffer)
            _add(archive, f"{name}.joblib", buffer.getvalue())
            _add(archive, f"{name}.pickle", pickle.dumps(model))
            try:
                _add(archive, f"{name}.skops", skops.io.dumps(model))
            except Exception as error:
                told[name]["refused"] = f"{type(error).__name__}: {error}"
        _add(archive, _ANSWERS, json.dumps(told).encode())
    return path


def read(path: Path) -> Iterator[Saved]:
    """The models in a file that ``write`` wrote."""
    with tarfile.open(path) as archive:
        content = {member.name: _bytes(archive, member) for member in archive}
    for name, told in json.loads(content[_ANSWERS]).items():
        container = told["container"]
        for form in FORMATS:
            yield Saved(
                name,
                form,
                content.get(f"{name}.{form}", b""),
                "array" if container == "one" else container,
                COLUMNS[container],
                ASKED[container],
                told["answers"],
                told["refused"] if form == "skops" else "",
            )


def own_answers(path: Path) -> dict[str, list[dict[str, Any]]]:
    """What the library that runs here says of the rows, of models opened by its own loaders."""
    said = {}
    for one in read(path):
        container = one.container
        if one.format in ("joblib", "pickle"):
            try:
                model = joblib.load(io.BytesIO(one.content))
            except ModuleNotFoundError:  # of a SciPy that is another here than where it was saved
                continue
        elif one.content:
            trusted = skops.io.get_untrusted_types(data=one.content)
            try:
                model = skops.io.loads(one.content, trusted=trusted)
            except Exception:  # what skops writes, skops does not always read again
                continue
        else:
            continue
        said[f"{one.kind}.{one.format}"] = answers(model, container, one.rows)
    return said


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _bytes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    match sys.argv[1:]:
        case ["answers", given]:
            print(json.dumps(own_answers(Path(given))))
        case _:
            print(write())
