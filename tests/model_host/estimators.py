"""Honest models: small fitted estimators of the kinds that people really serve, quick to fit.

Each ``Specimen`` names one estimator, fits it on data made here, and carries one row to predict on.
``specimen(name)`` fits once per process. Everything is seeded: two processes fit the same model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    isotonic,
    kernel_approximation,
    kernel_ridge,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
    semi_supervised,
    svm,
    tree,
)
from sklearn.gaussian_process import kernels

ROWS = 60


def _made(kind: Any, *given: Any, **named: Any) -> Any:
    """An estimator of ``kind``, without what this version of scikit-learn does not know."""
    known = signature(kind).parameters
    return kind(*given, **{name: value for name, value in named.items() if name in known})


@dataclass(frozen=True)
class Specimen:
    """A fitted estimator and one row of inputs: a one-row DataFrame, a (1, n) array or [text]."""

    name: str
    estimator: Any
    row: Any


def numbers() -> pd.DataFrame:
    """60 rows of four float columns on different scales, none missing."""
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        rng.normal(size=(ROWS, 4)) * [1, 10, 0.1, 3] + [5, 0, 1, 7],
        columns=["length", "width", "ratio", "age"],
    )


def mixed() -> pd.DataFrame:
    """60 rows of numbers, categories, booleans and an integer; two columns with missing values."""
    rng = np.random.default_rng(2)
    income = rng.normal(50_000, 9_000, ROWS)
    income[::7] = np.nan
    city = rng.choice(["Oslo", "Bergen", "Tromsø"], ROWS).astype(object)
    city[::11] = None
    return pd.DataFrame(
        {
            "income": income,
            "visits": rng.integers(0, 9, ROWS),
            "city": city,
            "grade": rng.choice(["low", "high"], ROWS).astype(object),
            "member": rng.choice([True, False], ROWS),
        }
    )


def texts() -> list[str]:
    words = ["good", "bad", "service", "slow", "quick", "friendly", "rude", "food"]
    rng = np.random.default_rng(3)
    return [" ".join(rng.choice(words, 5)) for _ in range(ROWS)]


def labels() -> np.ndarray:
    """Return three classes, as text."""
    return np.array(["red", "green", "blue"], dtype=object)[np.arange(ROWS) % 3]


def yes_no() -> np.ndarray:
    return np.arange(ROWS) % 2


def amounts() -> np.ndarray:
    frame = numbers()
    return np.asarray(frame["length"] * 2 + frame["age"] ** 2)


def two_amounts() -> np.ndarray:
    return np.column_stack([amounts(), amounts()[::-1]])


def mixed_preprocessor() -> compose.ColumnTransformer:
    """Scaled and imputed numbers, one-hot and ordinal categories, the booleans as they are."""
    return compose.ColumnTransformer(
        [
            (
                "numbers",
                pipeline.make_pipeline(
                    impute.SimpleImputer(strategy="median"), preprocessing.StandardScaler()
                ),
                ["income", "visits"],
            ),
            (
                "city",
                pipeline.make_pipeline(
                    impute.SimpleImputer(strategy="most_frequent"),
                    preprocessing.OneHotEncoder(handle_unknown="ignore"),
                ),
                ["city"],
            ),
            ("grade", preprocessing.OrdinalEncoder(), ["grade"]),
        ],
        remainder="passthrough",
    )


def _on_mixed(final: Any, target: Callable[[], np.ndarray]) -> Callable[[], Specimen]:
    return lambda: _specimen(
        pipeline.Pipeline([("prepare", mixed_preprocessor()), ("model", final)]), mixed(), target()
    )


def _on_numbers(estimator: Any, target: Callable[[], Any] | None) -> Callable[[], Specimen]:
    return lambda: _specimen(estimator, numbers(), target() if target else None)


def _on_texts(estimator: Any, target: Callable[[], np.ndarray]) -> Callable[[], Specimen]:
    return lambda: _specimen(estimator, texts(), target())


def _specimen(estimator: Any, inputs: Any, target: Any) -> Specimen:
    estimator.fit(inputs, target)
    return Specimen("", estimator, inputs[:1] if isinstance(inputs, list) else inputs.iloc[[0]])


def _counts_pipeline(*steps: Any) -> Any:
    return pipeline.make_pipeline(preprocessing.MinMaxScaler(), *steps)


def _columns_by_dtype() -> Specimen:
    selector = compose.make_column_selector
    prepare = compose.make_column_transformer(
        (impute.SimpleImputer(), selector(dtype_include=np.number)),
        (
            preprocessing.OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=3),
            selector(dtype_include=object),
        ),
        remainder="drop",
    )
    return _specimen(
        pipeline.make_pipeline(prepare, linear_model.LogisticRegression()), mixed(), yes_no()
    )


def _columns_by_index() -> Specimen:
    """Columns chosen as pandas gives them: the Index object itself ends up in the file."""
    frame = mixed()
    prepare = compose.ColumnTransformer(
        [
            ("n", impute.SimpleImputer(add_indicator=True), frame.columns[:2]),
            ("c", preprocessing.TargetEncoder(cv=2, random_state=0), frame.columns[2:4]),
        ]
    )
    return _specimen(pipeline.make_pipeline(prepare, linear_model.Ridge()), frame, amounts())


def _categorical_boosting() -> Specimen:
    frame = mixed()
    frame = frame.assign(grade=frame["grade"].astype("category"), city=frame["city"].notna())
    estimator = ensemble.HistGradientBoostingClassifier(
        max_iter=5, categorical_features="from_dtype", random_state=0
    )
    return _specimen(estimator, frame, yes_no())


def _on_arrays() -> Specimen:
    inputs = numbers().to_numpy()
    return Specimen("", linear_model.LinearRegression().fit(inputs, amounts()), inputs[:1])


def _log(frame: Any) -> Any:
    return pipeline.make_pipeline(
        preprocessing.FunctionTransformer(np.log1p, inverse_func=np.expm1, validate=False),
        linear_model.Ridge(),
    ).fit(frame.abs(), amounts())


FACTORIES: dict[str, Callable[[], Specimen]] = {
    # Linear models
    "linear regression": _on_numbers(linear_model.LinearRegression(), amounts),
    "linear regression on arrays": _on_arrays,
    "ridge": _on_numbers(linear_model.Ridge(), amounts),
    "ridge with cross-validation": _on_numbers(linear_model.RidgeCV(), amounts),
    "ridge classifier": _on_numbers(linear_model.RidgeClassifier(), labels),
    "lasso with cross-validation": _on_numbers(linear_model.LassoCV(cv=3), amounts),
    "elastic net": _on_numbers(linear_model.ElasticNet(), amounts),
    "bayesian ridge": _on_numbers(linear_model.BayesianRidge(), amounts),
    "automatic relevance": _on_numbers(linear_model.ARDRegression(), amounts),
    "huber": _on_numbers(
        pipeline.make_pipeline(preprocessing.RobustScaler(), linear_model.HuberRegressor()), amounts
    ),
    "quantile regression": _on_numbers(linear_model.QuantileRegressor(), amounts),
    "poisson": _on_numbers(_counts_pipeline(linear_model.PoissonRegressor()), yes_no),
    "tweedie": _on_numbers(_counts_pipeline(linear_model.TweedieRegressor(power=1.5)), yes_no),
    "gamma": _on_numbers(_counts_pipeline(linear_model.GammaRegressor()), amounts),
    "robust consensus": _on_numbers(
        linear_model.RANSACRegressor(random_state=0, min_samples=10), amounts
    ),
    "theil-sen": _on_numbers(
        linear_model.TheilSenRegressor(random_state=0, max_subpopulation=50), amounts
    ),
    "logistic regression": _on_numbers(
        pipeline.make_pipeline(
            preprocessing.StandardScaler(), linear_model.LogisticRegression(class_weight="balanced")
        ),
        labels,
    ),
    "logistic regression with cross-validation": _on_numbers(
        _counts_pipeline(
            _made(
                linear_model.LogisticRegressionCV,
                Cs=2,
                cv=2,
                l1_ratios=(0,),
                use_legacy_attributes=False,
                scoring="neg_log_loss",
            )
        ),
        labels,
    ),
    "perceptron": _on_numbers(linear_model.Perceptron(random_state=0), yes_no),
    "stochastic gradient classifier": _on_numbers(
        linear_model.SGDClassifier(loss="modified_huber", random_state=0), labels
    ),
    "stochastic gradient hinge": _on_numbers(
        linear_model.SGDClassifier(random_state=np.random.RandomState(0)), yes_no
    ),
    "stochastic gradient regressor": _on_numbers(
        _counts_pipeline(linear_model.SGDRegressor(random_state=0)), amounts
    ),
    # Neighbours, support vectors, naive Bayes, discriminants, Gaussian processes
    "nearest neighbours, ball tree": _on_numbers(
        neighbors.KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"), labels
    ),
    "nearest neighbours, k-d tree": _on_numbers(
        neighbors.KNeighborsRegressor(algorithm="kd_tree", weights="distance"), amounts
    ),
    "nearest neighbours, brute force": _on_numbers(
        neighbors.KNeighborsClassifier(algorithm="brute", metric="cosine"), labels
    ),
    "radius neighbours": _on_numbers(neighbors.RadiusNeighborsRegressor(radius=50), amounts),
    "nearest centroid": _on_numbers(neighbors.NearestCentroid(), labels),
    "local outlier factor": _on_numbers(neighbors.LocalOutlierFactor(novelty=True), None),
    "support vector classifier": _on_numbers(svm.SVC(), labels),
    "calibrated support vectors": _on_numbers(
        calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=0), cv=2), labels
    ),
    "isotonic calibration": _on_numbers(
        calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=2, method="isotonic"),
        yes_no,
    ),
    "temperature calibration": _on_numbers(
        calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=2, method="temperature"),
        labels,
    ),
    "support vector regressor": _on_numbers(
        pipeline.make_pipeline(preprocessing.QuantileTransformer(n_quantiles=20), svm.SVR()),
        amounts,
    ),
    "linear support vector regressor": _on_numbers(
        _counts_pipeline(svm.LinearSVR(random_state=0)), amounts
    ),
    "nu support vectors": _on_numbers(svm.NuSVC(nu=0.3), labels),
    "one-class support vectors": _on_numbers(svm.OneClassSVM(), None),
    "kernel ridge": _on_numbers(kernel_ridge.KernelRidge(kernel="rbf"), amounts),
    "gaussian naive bayes": _on_numbers(naive_bayes.GaussianNB(), labels),
    "bernoulli naive bayes": _on_numbers(naive_bayes.BernoulliNB(), labels),
    "multinomial naive bayes": _on_numbers(_counts_pipeline(naive_bayes.MultinomialNB()), labels),
    "complement naive bayes": _on_numbers(_counts_pipeline(naive_bayes.ComplementNB()), labels),
    "categorical naive bayes": _on_numbers(
        pipeline.make_pipeline(
            _made(
                preprocessing.KBinsDiscretizer,
                3,
                encode="ordinal",
                quantile_method="averaged_inverted_cdf",
            ),
            naive_bayes.CategoricalNB(),
        ),
        labels,
    ),
    "linear discriminant": _on_numbers(discriminant_analysis.LinearDiscriminantAnalysis(), labels),
    "quadratic discriminant": _on_numbers(
        discriminant_analysis.QuadraticDiscriminantAnalysis(), labels
    ),
    "gaussian process classifier": _on_numbers(
        gaussian_process.GaussianProcessClassifier(1.0 * kernels.RBF(), optimizer=None), yes_no
    ),
    "gaussian process regressor": _on_numbers(
        gaussian_process.GaussianProcessRegressor(
            1.0 * kernels.Matern(nu=1.5) + kernels.WhiteKernel(), optimizer=None
        ),
        amounts,
    ),
    "rational quadratic process": _on_numbers(
        gaussian_process.GaussianProcessRegressor(
            kernels.RationalQuadratic() * kernels.ConstantKernel(2.0) + kernels.DotProduct(),
            optimizer=None,
        ),
        amounts,
    ),
    # Trees and ensembles
    "decision tree": _on_numbers(tree.DecisionTreeClassifier(random_state=0), labels),
    "regression tree": _on_numbers(tree.DecisionTreeRegressor(max_depth=4), amounts),
    "extra tree": _on_numbers(tree.ExtraTreeClassifier(random_state=0), labels),
    "extra regression tree": _on_numbers(tree.ExtraTreeRegressor(random_state=0), amounts),
    "random forest": _on_numbers(
        ensemble.RandomForestClassifier(10, random_state=0, n_jobs=2, oob_score=False), labels
    ),
    "regression forest": _on_numbers(
        ensemble.RandomForestRegressor(10, random_state=np.random.RandomState(0)), two_amounts
    ),
    "extra trees": _on_numbers(ensemble.ExtraTreesClassifier(5, random_state=0), labels),
    "extra regression trees": _on_numbers(ensemble.ExtraTreesRegressor(5, random_state=0), amounts),
    "tree embedding": _on_numbers(
        pipeline.make_pipeline(
            ensemble.RandomTreesEmbedding(4, random_state=0), linear_model.LogisticRegression()
        ),
        labels,
    ),
    "isolation forest": _on_numbers(
        ensemble.IsolationForest(n_estimators=10, random_state=0), None
    ),
    "gradient boosting classifier": _on_numbers(
        ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0), labels
    ),
    "exponential gradient boosting": _on_numbers(
        ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=5, random_state=0),
        yes_no,
    ),
    "gradient boosting regressor": _on_numbers(
        ensemble.GradientBoostingRegressor(n_estimators=5, loss="huber", random_state=0), amounts
    ),
    "quantile gradient boosting": _on_numbers(
        ensemble.GradientBoostingRegressor(n_estimators=5, loss="quantile", random_state=0), amounts
    ),
    "absolute gradient boosting": _on_numbers(
        ensemble.GradientBoostingRegressor(n_estimators=5, loss="absolute_error", random_state=0),
        amounts,
    ),
    "histogram boosting classifier": _on_numbers(
        ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=0), labels
    ),
    "histogram boosting with early stopping": _on_numbers(
        ensemble.HistGradientBoostingClassifier(max_iter=5, early_stopping=True, random_state=0),
        yes_no,
    ),
    "histogram boosting regressor": _on_numbers(
        ensemble.HistGradientBoostingRegressor(max_iter=5, random_state=0), amounts
    ),
    "histogram boosting, gamma": _on_numbers(
        ensemble.HistGradientBoostingRegressor(max_iter=5, loss="gamma", random_state=0), amounts
    ),
    "histogram boosting, poisson": _on_numbers(
        ensemble.HistGradientBoostingRegressor(max_iter=5, loss="poisson", random_state=0), amounts
    ),
    "histogram boosting, quantile": _on_numbers(
        ensemble.HistGradientBoostingRegressor(
            max_iter=5, loss="quantile", quantile=0.9, random_state=0
        ),
        amounts,
    ),
    "histogram boosting, absolute error": _on_numbers(
        ensemble.HistGradientBoostingRegressor(max_iter=5, loss="absolute_error", random_state=0),
        amounts,
    ),
    "histogram boosting on categories": _categorical_boosting,
    "adaptive boosting": _on_numbers(
        ensemble.AdaBoostClassifier(n_estimators=4, random_state=0), labels
    ),
    "adaptive boosting regressor": _on_numbers(
        ensemble.AdaBoostRegressor(n_estimators=4, random_state=0), amounts
    ),
    "bagging": _on_numbers(
        ensemble.BaggingClassifier(
            linear_model.LogisticRegression(max_iter=50), n_estimators=3, random_state=0
        ),
        labels,
    ),
    "bagging regressor": _on_numbers(
        ensemble.BaggingRegressor(n_estimators=3, random_state=0), amounts
    ),
    "voting": _on_numbers(
        ensemble.VotingClassifier(
            [
                ("tree", tree.DecisionTreeClassifier(random_state=0)),
                ("bayes", naive_bayes.GaussianNB()),
            ],
            voting="soft",
        ),
        labels,
    ),
    "voting regressor": _on_numbers(
        ensemble.VotingRegressor(
            [("ridge", linear_model.Ridge()), ("tree", tree.DecisionTreeRegressor())]
        ),
        amounts,
    ),
    "stacking": _on_numbers(
        ensemble.StackingClassifier(
            [
                ("tree", tree.DecisionTreeClassifier(random_state=0)),
                ("bayes", naive_bayes.GaussianNB()),
            ],
            cv=2,
        ),
        labels,
    ),
    "stacking regressor": _on_numbers(
        ensemble.StackingRegressor(
            [("ridge", linear_model.Ridge()), ("tree", tree.DecisionTreeRegressor(max_depth=2))],
            cv=2,
        ),
        amounts,
    ),
    # Neural networks
    "neural network": _on_numbers(
        pipeline.make_pipeline(
            preprocessing.StandardScaler(),
            neural_network.MLPClassifier((8,), max_iter=20, random_state=0),
        ),
        labels,
    ),
    "neural network regressor": _on_numbers(
        neural_network.MLPRegressor(
            hidden_layer_sizes=(6,),
            solver="sgd",
            learning_rate_init=1e-6,
            max_iter=10,
            random_state=0,
        ),
        amounts,
    ),
    # Pipelines over mixed columns
    "mixed columns, logistic regression": _on_mixed(
        linear_model.LogisticRegression(max_iter=200), yes_no
    ),
    "mixed columns, forest": _on_mixed(ensemble.RandomForestRegressor(5, random_state=0), amounts),
    "mixed columns, histogram boosting": _on_mixed(
        ensemble.HistGradientBoostingClassifier(max_iter=3, random_state=0), labels
    ),
    "columns by dtype": _columns_by_dtype,
    "columns by pandas index": _columns_by_index,
    # Transformers of all kinds before a plain model
    "principal components": _on_numbers(
        pipeline.make_pipeline(
            preprocessing.MaxAbsScaler(), decomposition.PCA(2), linear_model.LinearRegression()
        ),
        amounts,
    ),
    "truncated components": _on_numbers(
        pipeline.make_pipeline(
            preprocessing.Normalizer(),
            decomposition.TruncatedSVD(2, random_state=0),
            linear_model.Ridge(),
        ),
        amounts,
    ),
    "other components": _on_numbers(
        pipeline.make_pipeline(
            preprocessing.MinMaxScaler(),
            pipeline.make_union(
                decomposition.NMF(2, random_state=0, max_iter=500, tol=1e-2),
                decomposition.FastICA(2, random_state=0, max_iter=500, tol=1e-2),
                decomposition.FactorAnalysis(2, random_state=0),
                decomposition.KernelPCA(2, kernel="rbf"),
            ),
            linear_model.Ridge(),
        ),
        amounts,
    ),
    "polynomial features": _on_numbers(
        pipeline.make_pipeline(
            preprocessing.PolynomialFeatures(2),
            preprocessing.PowerTransformer(),
            linear_model.Ridge(),
        ),
        amounts,
    ),
    "splines": _on_numbers(
        pipeline.make_pipeline(preprocessing.SplineTransformer(n_knots=4), linear_model.Ridge()),
        amounts,
    ),
    "logarithm of the inputs": lambda: Specimen("", _log(numbers()), numbers().abs().iloc[[0]]),
    "logarithm of the target": _on_numbers(
        compose.TransformedTargetRegressor(
            linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1
        ),
        amounts,
    ),
    "scaled target": _on_numbers(
        compose.TransformedTargetRegressor(
            linear_model.Ridge(), transformer=preprocessing.StandardScaler()
        ),
        amounts,
    ),
    "binned columns": _on_numbers(
        pipeline.make_pipeline(
            _made(preprocessing.KBinsDiscretizer, 3, quantile_method="averaged_inverted_cdf"),
            preprocessing.Binarizer(),
            linear_model.Ridge(),
        ),
        amounts,
    ),
    "random features": _on_numbers(
        pipeline.make_pipeline(
            kernel_approximation.Nystroem(n_components=5, random_state=0),
            kernel_approximation.RBFSampler(n_components=5, random_state=0),
            random_projection.GaussianRandomProjection(3, random_state=0),
            linear_model.Ridge(),
        ),
        amounts,
    ),
    "neighbour imputation": _on_numbers(
        pipeline.make_pipeline(impute.KNNImputer(), linear_model.LinearRegression()), amounts
    ),
    "selected features": _on_numbers(
        pipeline.make_pipeline(
            feature_selection.VarianceThreshold(),
            feature_selection.SelectKBest(feature_selection.f_classif, k=3),
            feature_selection.SelectFromModel(
                tree.DecisionTreeClassifier(random_state=0), max_features=2
            ),
            linear_model.LogisticRegression(),
        ),
        labels,
    ),
    "eliminated features": _on_numbers(
        feature_selection.RFE(linear_model.Ridge(), n_features_to_select=2), amounts
    ),
    # Text
    "text, tf-idf": _on_texts(
        pipeline.make_pipeline(
            feature_extraction.text.TfidfVectorizer(ngram_range=(1, 2), stop_words="english"),
            linear_model.LogisticRegression(),
        ),
        yes_no,
    ),
    "text, counts": _on_texts(
        pipeline.make_pipeline(
            feature_extraction.text.CountVectorizer(),
            feature_extraction.text.TfidfTransformer(),
            naive_bayes.MultinomialNB(),
        ),
        labels,
    ),
    "text, hashing": _on_texts(
        pipeline.make_pipeline(
            feature_extraction.text.HashingVectorizer(n_features=32),
            linear_model.SGDClassifier(loss="log_loss", random_state=0),
        ),
        yes_no,
    ),
    "text, support vectors": _on_texts(
        pipeline.make_pipeline(feature_extraction.text.TfidfVectorizer(), svm.SVC()), yes_no
    ),
    "text, neighbours": _on_texts(
        pipeline.make_pipeline(
            feature_extraction.text.TfidfVectorizer(), neighbors.KNeighborsClassifier(3)
        ),
        yes_no,
    ),
    # Several classes, several outputs, searches, thresholds, clusters, baselines
    "one against the rest": _on_numbers(
        multiclass.OneVsRestClassifier(linear_model.LogisticRegression(max_iter=50)), labels
    ),
    "one against one": _on_numbers(
        multiclass.OneVsOneClassifier(svm.LinearSVC(random_state=0)), labels
    ),
    "several classes": _on_numbers(
        multioutput.MultiOutputClassifier(tree.DecisionTreeClassifier(max_depth=2, random_state=0)),
        lambda: np.column_stack([yes_no(), np.arange(ROWS) % 3]),
    ),
    "several amounts": _on_numbers(
        multioutput.MultiOutputRegressor(linear_model.Ridge()), two_amounts
    ),
    "chained amounts": _on_numbers(multioutput.RegressorChain(linear_model.Ridge()), two_amounts),
    "grid search": _on_numbers(
        model_selection.GridSearchCV(
            tree.DecisionTreeClassifier(random_state=0),
            {"max_depth": [2, 3], "criterion": ["gini", "entropy"]},
            cv=model_selection.StratifiedKFold(2, shuffle=True, random_state=0),
            scoring="balanced_accuracy",
        ),
        labels,
    ),
    "random search": _on_numbers(
        model_selection.RandomizedSearchCV(
            linear_model.Ridge(), {"alpha": [0.1, 1.0, 10.0]}, n_iter=2, cv=2, random_state=0
        ),
        amounts,
    ),
    "self-training": _on_numbers(
        semi_supervised.SelfTrainingClassifier(naive_bayes.GaussianNB()),
        lambda: np.where(np.arange(ROWS) % 5, yes_no(), -1),
    ),
    "partial least squares": _on_numbers(cross_decomposition.PLSRegression(2), amounts),
    "isotonic regression": lambda: _specimen(
        isotonic.IsotonicRegression(out_of_bounds="clip"), numbers()[["length"]], amounts()
    ),
    "clusters": _on_numbers(cluster.KMeans(3, random_state=0, n_init=1), None),
    "mini-batch clusters": _on_numbers(cluster.MiniBatchKMeans(3, random_state=0, n_init=1), None),
    "mixture": _on_numbers(mixture.GaussianMixture(2, random_state=0), None),
    "baseline class": _on_numbers(dummy.DummyClassifier(), labels),
    "baseline amount": _on_numbers(dummy.DummyRegressor(strategy="median"), amounts),
}

if hasattr(model_selection, "TunedThresholdClassifierCV"):  # since scikit-learn 1.5
    FACTORIES["tuned threshold"] = _on_numbers(
        model_selection.TunedThresholdClassifierCV(
            linear_model.LogisticRegression(max_iter=200), cv=2
        ),
        yes_no,
    )

NAMES = tuple(FACTORIES)


@cache
def specimen(name: str) -> Specimen:
    """Return the named model, fitted. Treat it as read-only: tests of one process share it."""
    made = FACTORIES[name]()
    return Specimen(name, made.estimator, made.row)
