"""The imports and first calls that the zygote must make, because a locked child cannot open files
to import.

scikit-learn, joblib and pandas import much of themselves at first use. Measured without a warm-up:
42 of 95 honest models ran in a locked process; with it, all of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import joblib
import numpy as np
import pandas as pd
import skops.io
from sklearn import (
    cluster,
    compose,
    ensemble,
    feature_extraction,
    gaussian_process,
    impute,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

from model_host.answering.curve import curve
from model_host.answering.explanation import explain
from model_host.answering.prediction import predict
from model_host.loading.allow_list import BOOSTER_MODULES, preload
from model_host.loading.safe_load import load
from model_host.protocol.artifact import Format
from model_host.protocol.inputs import Column, InputLayout, Kind, Scalar
from model_host.structure.examine import examine

_MODULES = (
    "encodings.ascii",
    "encodings.cp1252",
    "encodings.latin_1",
    "encodings.utf_16",
    "encodings.utf_32",
    "scipy.optimize",
    "scipy.sparse.csgraph",
    "scipy.sparse.linalg",
    "scipy.spatial",
    "scipy.stats",
    "sklearn.calibration",
    "sklearn.covariance",
    "sklearn.cross_decomposition",
    "sklearn.decomposition",
    "sklearn.discriminant_analysis",
    "sklearn.dummy",
    "sklearn.experimental.enable_halving_search_cv",
    "sklearn.experimental.enable_iterative_imputer",
    "sklearn.feature_selection",
    "sklearn.isotonic",
    "sklearn.kernel_approximation",
    "sklearn.kernel_ridge",
    "sklearn.manifold",
    "sklearn.mixture",
    "sklearn.model_selection",
    "sklearn.multiclass",
    "sklearn.multioutput",
    "sklearn.random_projection",
    "sklearn.semi_supervised",
)
"""Modules that are only imported: the exercises below cover what they do at first use."""

_ROWS = 12


def warm_up(*, boosters: bool = False) -> tuple[list[str], list[str]]:
    """Import, open and predict once; return what failed, a line each, and the known types that the
    libraries here lack. Both should be none.

    ``boosters``: imports XGBoost and LightGBM, too, where they are installed.
    """
    time.localtime()  # Reads the time zone's file.
    joblib.cpu_count(only_physical_cores=True)  # Asks a subprocess, once; boosting wants to know.
    missing = preload()
    modules = list(_MODULES)
    for module in BOOSTER_MODULES if boosters else ():
        if importlib.util.find_spec(module.partition(".")[0]):
            modules.append(module)
    failed = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, exercise in (*_imports(modules), *_exercises()):
            try:
                exercise()
            except Exception as error:
                failed.append(f"{name}: {type(error).__name__}: {error}"[:300])
    return failed, missing


def _imports(modules: Iterable[str]) -> Iterator[tuple[str, Callable[[], object]]]:
    for module in modules:
        yield module, partial(importlib.import_module, module)


def _exercises() -> Iterator[tuple[str, Callable[[], object]]]:
    numbers = np.arange(_ROWS * 2, dtype=np.float64).reshape(_ROWS, 2)
    classes = np.arange(_ROWS) % 2
    two = InputLayout("array", (Column("x0", Kind.FLOAT), Column("x1", Kind.FLOAT)))
    row: dict[str, Scalar] = {"x0": 1.0, "x1": 2.0}
    for model in (
        linear_model.LinearRegression(),
        linear_model.LogisticRegression(),
        svm.SVC(),
        neighbors.KNeighborsClassifier(3, algorithm="brute"),
        neighbors.KNeighborsRegressor(3, algorithm="kd_tree"),
        tree.DecisionTreeClassifier(),
        ensemble.RandomForestClassifier(2),
        ensemble.GradientBoostingClassifier(n_estimators=2),
        ensemble.HistGradientBoostingClassifier(max_iter=2),
        ensemble.IsolationForest(n_estimators=2),
        neural_network.MLPClassifier((2,), solver="sgd", max_iter=2),
        gaussian_process.GaussianProcessRegressor(optimizer=None),
        naive_bayes.GaussianNB(),
        cluster.KMeans(2, n_init=1, max_iter=2),
        ensemble.VotingClassifier([("tree", tree.DecisionTreeClassifier())], voting="soft"),
    ):
        model.fit(numbers, classes)
        yield type(model).__name__, partial(_open_and_predict, model, "joblib", two, row)

    linear = linear_model.LinearRegression().fit(numbers, classes)
    for compressor in ("zlib", "gzip", "bz2", "lzma", "xz", "lz4"):
        yield compressor, partial(_open_and_predict, linear, compressor, two, row)
    yield "skops", partial(_open_and_predict, linear, "skops", two, row)

    texts = pipeline.make_pipeline(
        feature_extraction.text.TfidfVectorizer(), linear_model.LogisticRegression()
    ).fit(["good day", "bad day"] * (_ROWS // 2), classes)
    words = InputLayout("texts", (Column("text", Kind.STRING),))
    yield "texts", partial(_open_and_predict, texts, "joblib", words, {"text": "good"})

    frame = pd.DataFrame(
        {
            "number": [float(n) if n else np.nan for n in range(_ROWS)],
            "whole": range(_ROWS),
            "flag": [n % 2 == 0 for n in range(_ROWS)],
            "name": ["ab"[n % 2] for n in range(_ROWS)],
        }
    )
    mixed = pipeline.make_pipeline(
        compose.ColumnTransformer(
            [
                ("fill", impute.SimpleImputer(), ["number"]),
                ("scale", preprocessing.StandardScaler(), ["whole"]),
                ("hot", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["flag", "name"]),
                ("rank", preprocessing.OrdinalEncoder(), ["name"]),
            ]
        ),
        linear_model.LogisticRegression(),
    ).fit(frame, classes)
    columns = (
        Column("number", Kind.FLOAT, may_be_missing=True),
        Column("whole", Kind.INTEGER),
        Column("flag", Kind.BOOLEAN),
        Column("name", Kind.CHOICE),
    )
    values: dict[str, Scalar] = {"number": None, "whole": 3, "flag": True, "name": "a"}
    layout = InputLayout("frame", columns)
    yield "mixed frame", partial(_open_and_predict, mixed, "joblib", layout, values)


def _open_and_predict(
    model: object, form: str, layout: InputLayout, inputs: dict[str, Scalar]
) -> None:
    """Write ``model`` as ``form`` (a format, or a joblib compressor), open it, and run every
    operation."""
    file = io.BytesIO()
    format_: Format = "joblib"
    if form == "skops":
        skops.io.dump(model, file)
        format_ = "skops"
    elif form == "joblib":
        joblib.dump(model, file)
    else:
        joblib.dump(model, file, compress=(form, 1))
    loaded = load(file.getvalue(), format_)
    predict(loaded.estimator, layout, inputs)
    other = {name: value + 1 if type(value) is float else value for name, value in inputs.items()}
    explain(loaded.estimator, layout, inputs, other, seed=1, seconds=60.0)
    name = layout.columns[0].name
    curve(loaded.estimator, layout, inputs, name, [inputs[name]] * 2)
    if layout.container != "array":
        examine(loaded.estimator, loaded.libraries)
