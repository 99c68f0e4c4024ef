"""A model with a class of the team's own, from its upload to its prediction: refused, approved by a
superuser, opened; with the package really installed for the model host."""

import importlib
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from pytest_django import Settings
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from accounts.models import User
from flows import inspection, opened, predict
from flows.artifacts import artifact
from flows.errors import InspectionFailed, PredictionFailed
from model_host.client import ModelHost
from models_registry import services
from models_registry.models import Inspection, ModelVersion, ReferenceData, TypeApproval
from models_registry.reference.reference_profile import read_reference
from tests.factories import make_execution, make_model
from tests.model_host.conftest import python_with

BANDS = ("northbank_ml.encoders", "IncomeBands")
PACKAGE = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

class IncomeBands(TransformerMixin, BaseEstimator):
    def __init__(self, width=20_000):
        self.width = width

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def transform(self, X):
        return np.floor(np.asarray(X, dtype=float) / self.width)

class AddRatio(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        X = X.copy()
        X["ratio"] = X["income"] / X["age"]
        return X
"""
INCOMES = pd.DataFrame({"income": [12_000.0, 18_000.0, 35_000.0, 42_000.0, 61_000.0, 90_000.0]})


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the team's own package."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "northbank_ml").mkdir()
    (folder / "northbank_ml/__init__.py").touch()
    (folder / "northbank_ml/encoders.py").write_text(PACKAGE)
    return folder


@pytest.fixture(scope="module")
def host(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelHost]:
    """Yield a model host in whose interpreter that package is installed."""
    python = python_with(tmp_path_factory.mktemp("python"), packages)
    with ModelHost(
        python=python, max_children=4, max_memory_bytes=2**31, children_per_model=1
    ) as host:
        yield host


@pytest.fixture(autouse=True)
def served(
    host: ModelHost,
    no_renewal: None,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"
    monkeypatch.setattr(opened, "model_host", lambda runtime: host)


@pytest.fixture
def train(packages: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., bytes]]:
    """Yield the file of a model with the team's own transformer in it."""
    monkeypatch.syspath_prepend(packages)
    bands: Any = importlib.import_module("northbank_ml.encoders").IncomeBands

    def fit(width: int = 20_000) -> bytes:
        file = io.BytesIO()
        model = make_pipeline(bands(width), LogisticRegression())
        joblib.dump(model.fit(INCOMES, [1, 1, 0, 0, 0, 0]), file)
        return file.getvalue()

    yield fit
    for name in ("northbank_ml.encoders", "northbank_ml"):
        del sys.modules[name]


def upload(content: bytes, by: User, **fields: Any) -> ModelVersion:
    return services.upload_version(
        model=make_model(), chunks=[content], file_name="loans.joblib", by=by, **fields
    )


def inspect(version: ModelVersion) -> Inspection:
    """Carry out the version's latest inspection and return it."""
    row = version.inspections.get(status=Inspection.Status.QUEUED)
    with suppress(InspectionFailed):
        inspection.claim(row.pk, row.attempt).carry_out()
    return Inspection.objects.get(pk=row.pk)


def test_a_class_of_the_teams_own_is_refused_approved_opened_and_predicts(
    train: Callable[..., bytes], ada: User, root: User
) -> None:
    version = upload(train(), ada)

    refused = inspect(version)
    services.approve_types(version=version, types=refused.needs_approval, by=root)
    passed = inspect(version)
    version.refresh_from_db()
    version.features.update(kind="float", is_complete=True)  # as the admin completes it
    execution = make_execution(version=version, inputs={"income": 15_000.0})
    predict.claim(str(execution.pk), 1).carry_out()

    assert (refused.status, refused.needs_approval) == ("failed", [BANDS])
    assert "`northbank_ml.encoders.IncomeBands`" in refused.message
    assert refused.steps[-1]["name"] == "Types in the file"
    assert passed.status == "succeeded"
    (types,) = [step for step in passed.steps if step["name"] == "Types in the file"]
    assert types["detail"].endswith("1 of them approved for this file")
    execution.refresh_from_db()
    assert (execution.outputs or {})["targets"][0]["value"] == 1


LISTED = {"features": [{"name": "age", "type": "integer"}, {"name": "income", "type": "float"}]}


def ratio_model(file: io.BytesIO) -> Any:
    own: Any = importlib.import_module("northbank_ml.encoders").AddRatio
    rows = INCOMES.assign(age=[20, 31, 44, 52, 39, 61])[["age", "income"]]
    model = make_pipeline(own(), LogisticRegression()).fit(rows, [1, 1, 0, 0, 0, 0])
    joblib.dump(model, file)
    return model


def test_an_own_first_step_is_served_with_the_inputs_that_the_configuration_lists(
    train: Callable[..., bytes], ada: User, root: User
) -> None:
    model = ratio_model(file := io.BytesIO())
    version = upload(file.getvalue(), ada, config=LISTED)
    services.approve_types(version=version, types=inspect(version).needs_approval, by=root)

    passed = inspect(version)

    assert {step["state"] for step in passed.steps} == {"passed"}
    version.refresh_from_db()
    execution = make_execution(version=version, inputs={"age": 40, "income": 15_500.5})
    predict.claim(str(execution.pk), 1).carry_out()
    execution.refresh_from_db()
    row = pd.DataFrame({"age": [40], "income": [15_500.5]})
    (target,) = (execution.outputs or {})["targets"]
    assert target["value"] == model.predict(row)[0]
    assert target["confidence"] == model.predict_proba(row)[0].max()


def test_an_own_first_step_with_other_inputs_than_were_listed_says_whose_they_are(
    train: Callable[..., bytes], ada: User, root: User
) -> None:
    ratio_model(file := io.BytesIO())
    wrong = {"features": [{"name": name, "type": "float"} for name in ("age", "incme")]}
    version = upload(file.getvalue(), ada, config=wrong)
    services.approve_types(version=version, types=inspect(version).needs_approval, by=root)

    refused = inspect(version)

    assert refused.message == (
        "The model fails on a row of the inputs that the training configuration lists: KeyError: "
        "'income'. Upload it with a training configuration that lists under `features` the columns "
        "that it was trained on, in their order."
    )


def test_an_own_first_step_takes_the_columns_of_the_reference_data(
    train: Callable[..., bytes], ada: User, root: User
) -> None:
    ratio_model(file := io.BytesIO())
    version = upload(file.getvalue(), ada)
    services.approve_types(version=version, types=inspect(version).needs_approval, by=root)
    table = "age,income,repaid\n20,12000,1\n44,35000,0\n"
    profile = read_reference([table.encode()], target="repaid").profile
    ReferenceData.objects.create(version=version, row_count=2, profile=profile.to_json())

    inspect(version)

    version.refresh_from_db()
    assert [one.name for one in version.features.all()] == ["age", "income"]


def test_the_same_file_under_another_model_passes_and_another_file_does_not(
    train: Callable[..., bytes], ada: User, root: User
) -> None:
    content = train(width=15_000)
    first = upload(content, ada)
    services.approve_types(version=first, types=inspect(first).needs_approval, by=root)

    again = inspect(upload(content, ada))
    another = inspect(upload(train(width=10_000), ada))

    assert again.status == "succeeded"
    assert (another.status, another.needs_approval) == ("failed", [BANDS])


def test_a_warm_process_of_an_approved_file_answers_for_no_one_without_the_approval(
    train: Callable[..., bytes], ada: User, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = upload(train(width=30_000), ada)
    services.approve_types(version=version, types=inspect(version).needs_approval, by=root)
    inspect(version)
    version.refresh_from_db()
    execution = make_execution(version=version, inputs={"income": 15_000.0})

    monkeypatch.setattr(
        opened, "artifact", lambda sha256, approved: artifact(sha256, approved=frozenset())
    )
    with pytest.raises(PredictionFailed):
        predict.claim(str(execution.pk), 1).carry_out()

    execution.refresh_from_db()
    assert execution.error_code == "LOAD"
    assert TypeApproval.objects.of(version.sha256) == {BANDS}


def test_an_approved_class_that_is_installed_nowhere_says_what_to_install(
    train: Callable[..., bytes], ada: User, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = upload(train(width=25_000), ada)
    refused = inspect(version)
    services.approve_types(version=version, types=refused.needs_approval, by=root)
    with ModelHost(max_children=1, max_memory_bytes=2**30, children_per_model=1) as bare:
        monkeypatch.setattr(opened, "model_host", lambda runtime: bare)

        row = inspect(version)

    assert (row.status, row.needs_approval) == ("failed", [])
    assert "`northbank_ml.encoders.IncomeBands`, which this server does not have" in row.message
    assert "Install it on the worker" in row.message
