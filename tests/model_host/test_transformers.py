"""The predicted number of columns of a transformer, against the real one."""

import numpy as np
import pytest
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    TargetEncoder,
)

from model_host.structure.input_facts import InputColumn
from model_host.structure.routes import Routes
from model_host.structure.step_columns import MOST_SIGNALS, Signal
from model_host.structure.transformers import follow
from tests.model_host.every_estimator import CLASS, CLASSES, ROWS, every

NOT_FOLLOWED = ("CountVectorizer", "FeatureHasher", "HashingVectorizer", "TfidfVectorizer")
"""Followed as one signal on purpose: their columns are as many as words."""
NO_STEPS = ("LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer", "PLSSVD", "PatchExtractor")
"""They transform no table that a model is called with."""
TRANSFORMERS = [
    name
    for name, kind in CLASSES.items()
    if hasattr(kind, "transform") and not hasattr(kind, "predict")
    if name not in (*NOT_FOLLOWED, *NO_STEPS)
]


def columns_said(step: object, count: int) -> int:
    entered = [Signal(frozenset({i}), i) for i in range(count)]
    return len(follow(step, entered, Routes([InputColumn() for _ in entered]), ""))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_transformer_is_said_to_make_as_many_columns_as_it_makes(name: str) -> None:
    specimen = every(name)
    step = specimen.estimator.steps[0][1]

    made = step.transform(specimen.row)

    assert columns_said(step, np.shape(specimen.row)[-1]) == made.shape[1]


@pytest.mark.parametrize(
    "step",
    [
        KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"),
        OneHotEncoder(drop="first", max_categories=3),
        PolynomialFeatures(3, interaction_only=True, include_bias=False),
        SplineTransformer(include_bias=False, extrapolation="periodic"),
        TargetEncoder(target_type="multiclass", cv=2),
    ],
    ids=lambda step: type(step).__name__,
)
def test_parameters_that_change_how_many_columns_are_made_count(step: object) -> None:
    rows = np.round(ROWS, 1)
    step.fit(rows, CLASS)  # type: ignore[attr-defined]

    assert columns_said(step, 4) == step.transform(rows).shape[1]  # type: ignore[attr-defined]


def test_a_polynomial_of_billions_of_columns_is_followed_as_one() -> None:
    step = PolynomialFeatures(400).fit(ROWS)

    assert step.n_output_features_ > 10**9 > MOST_SIGNALS
    assert columns_said(step, 4) == 1
