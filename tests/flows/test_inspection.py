"""The inspection flow: its steps, its sentences, and what it proposes."""

import io
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
import sklearn
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from pytest_django import Settings
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction import DictVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from config.errors import DomainError
from config.runtimes import default_minor
from engine import heartbeats
from engine.heartbeats import Heartbeat
from flows import inspection
from flows.errors import HandedBack, InspectionFailed, NotQueued
from flows.inspecting import file_checks, proposal
from flows.lease import Lease
from model_host.protocol.orders import SelfTest
from models_registry.models import Inspection, ModelVersion, ReferenceData, Rehearsal
from models_registry.reference.reference_profile import read_reference
from models_registry.services import ReferenceUpload, inspect_again
from models_registry.services.referencing import write_reference
from models_registry.store.storage import store_artifact
from models_registry.training.config_merge import Merged
from tests.factories import make_model, make_user
from tests.flows.resident import OF_1_7

PEOPLE = pd.DataFrame(
    {
        "age_in_years": [22.0, 35.0, None, 58.0, 41.0, 30.0],
        "home": ["owns", "rents", "rents", "owns", "owns", "rents"],
    }
)
REPAYS = [0, 0, 1, 1, 0, 1]


pytestmark = pytest.mark.usefixtures("no_renewal")


@pytest.fixture(autouse=True)
def cache(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"


def as_file(model: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(model, file)
    return file.getvalue()


def loan_model() -> Any:
    columns = make_column_transformer(
        (SimpleImputer(strategy="median"), ["age_in_years"]), (OneHotEncoder(), ["home"])
    )
    return make_pipeline(columns, LogisticRegression()).fit(PEOPLE, REPAYS)


def inspect(content: bytes, *, runtime: str = "", **fields: Any) -> Inspection:
    """Inspect an uploaded file, by the chosen runtime if there is one; return the inspection."""
    sha256 = store_artifact([content]).sha256
    version = ModelVersion.objects.create(
        model=make_model(), number=1, sha256=sha256, file_name="loans.joblib", **fields
    )
    row = Inspection.objects.create(version=version, sha256=sha256, runtime=runtime)
    try:
        inspection.claim(row.pk, 1).carry_out()
    except InspectionFailed:
        assert Inspection.objects.get(pk=row.pk).status == "failed"
    return Inspection.objects.get(pk=row.pk)


def steps_of(row: Inspection) -> dict[str, str]:
    return {step["name"]: step["state"] for step in row.steps}


def test_a_good_file_passes_every_step_and_proposes_its_inputs(db: None) -> None:
    row = inspect(as_file(loan_model()))

    assert row.status == "succeeded"
    assert list(steps_of(row)) == [
        "Received and hashed",
        "Format and size",
        "Version that saved it",
        "Types in the file",
        "Loads in the sandbox",
        "Is fitted and predicts",
        "Library versions",
        "Inputs proposed",
        "Trial prediction",
    ]
    assert set(steps_of(row).values()) == {"passed"}
    version = ModelVersion.objects.get(pk=row.version_id)
    assert (version.format, version.container, version.task) == (
        "joblib",
        "frame",
        "classification",
    )
    age, home = version.features.all()
    assert (age.name, age.label, age.kind) == ("age_in_years", "Age in years", "float")
    assert age.imputed == 35.0
    assert (home.kind, [value for value, _ in home.choices]) == ("choice", ["owns", "rents"])
    assert version.targets.get().class_labels == [[0, "0"], [1, "1"]]


def test_what_serves_training_alone_is_left_out_and_told(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the course project that scores by a function of its own and saves the whole search."""

    def performance_metric(repays: Any, answered: Any) -> float:
        return float((repays == answered).mean())

    performance_metric.__module__, performance_metric.__qualname__ = (
        "__main__",
        "performance_metric",
    )
    monkeypatch.setattr(
        sys.modules["__main__"], "performance_metric", performance_metric, raising=False
    )
    scorer = make_scorer(performance_metric)
    search = GridSearchCV(loan_model(), {"logisticregression__C": [1.0, 2.0]}, scoring=scorer, cv=2)

    row = inspect(as_file(search.fit(PEOPLE, REPAYS)))

    told = "Left out: the scorer `performance_metric`, which serves training alone."
    assert set(steps_of(row).values()) == {"passed"}
    types, loads = row.steps[3:5]
    assert types["detail"].endswith("types, all known but what is left out")
    assert loads["detail"].endswith(f" MB. {told}")
    assert row.report["load"]["left_out"] == told


def test_the_training_configuration_labels_what_the_object_proposes(db: None) -> None:
    config = {
        "features": [{"name": "age_in_years", "label": "Age", "unit": "years"}],
        "target": {"name": "Repayment", "labels": {"0": "Repays", "1": "Defaults"}},
    }

    row = inspect(as_file(loan_model()), training_config=config)

    age = row.version.features.get(name="age_in_years")
    target = row.version.targets.get()
    assert (age.label, age.unit, age.sources["label"]) == ("Age", "years", "config")
    assert (target.label, target.class_labels) == ("Repayment", [[0, "Repays"], [1, "Defaults"]])


@pytest.mark.parametrize(
    ("content", "step", "words"),
    [
        (b"\x89PNG\r\n and so on", "Format and size", "joblib.dump(model, 'model.joblib')"),
        (as_file({"not": "a model"}), "Loads in the sandbox", "dict"),
        (as_file(LogisticRegression()), "Loads in the sandbox", "fit"),
        (as_file(loan_model())[:-200], "Loads in the sandbox", "cut"),
        (as_file(Path("/etc")), "Types in the file", "pathlib"),
    ],
    ids=["a picture", "no model", "unfitted", "truncated", "a type that is not known"],
)
def test_a_file_that_cannot_be_used_says_why_at_its_step(
    db: None, content: bytes, step: str, words: str
) -> None:
    row = inspect(content)

    assert (row.status, row.version.status, row.version.container) == ("failed", "draft", "")
    failed = [each for each in row.steps if each["state"] == "failed"]
    assert [each["name"] for each in failed] == [step]
    assert words in row.message
    assert failed[0]["detail"] == row.message
    assert row.steps[-1] is failed[0] or row.steps[-1] == failed[0]


def test_a_file_of_another_version_that_cannot_predict_does_not_pass(
    db: None, iris_of_1_7: bytes
) -> None:
    row = inspect(iris_of_1_7, runtime=default_minor())

    assert (row.status, row.message) == ("failed", OF_1_7)
    assert (row.steps[-1]["name"], row.steps[-1]["state"]) == ("Trial prediction", "failed")
    assert "_fill_dtype" in row.traceback


def test_a_file_says_which_scikit_learn_saved_it_and_is_served_by_that(db: None) -> None:
    row = inspect(as_file(loan_model()))

    assert row.version.runtime == default_minor()
    step = row.steps_taken[2]
    assert step.detail == f"scikit-learn {sklearn.__version__}, which serves it"


def saved_by(version: str) -> bytes:
    """A pickle that says it was saved with another version; its model is one of this version."""
    own = sklearn.__version__
    content = pickle.dumps(loan_model(), 4)
    return content.replace(
        b"\x8c" + bytes([len(own)]) + own.encode(),
        b"\x8c" + bytes([len(version)]) + version.encode(),
    )


def test_a_file_that_no_worker_has_the_runtime_for_is_not_opened_by_another(db: None) -> None:
    row = inspect(saved_by("1.5.2"))

    assert (row.status, row.steps_taken[-1].name) == ("failed", "Version that saved it")
    assert row.found.needs_runtime == "1.5"
    assert row.message == (
        "The file was saved with scikit-learn 1.5.2. No worker has scikit-learn 1.5 yet: run "
        "`manage.py runtime add 1.5` where the worker runs, and the file is inspected again by "
        "itself."
    )


@pytest.mark.parametrize("version", ["0.24.2", "1.10.0"])
def test_a_version_that_has_no_runtime_at_all_is_told_with_the_ways_out(
    version: str, db: None
) -> None:
    row = inspect(saved_by(version))

    own = default_minor()
    assert row.message.startswith(f"The file was saved with scikit-learn {version}. There is no ")
    assert row.message.endswith(
        f"Train the model again with scikit-learn {own}, or inspect it with {own} all the same: it "
        "may be refused, or answer with other numbers."
    )


def test_a_runtime_that_was_chosen_on_purpose_serves_the_file_and_says_so(db: None) -> None:
    row = inspect(saved_by("1.5.2"), runtime=default_minor())

    assert (row.status, row.version.runtime) == ("succeeded", default_minor())
    step = row.steps_taken[2]
    assert step.state == "warning"
    assert step.detail.startswith(
        f"saved with scikit-learn 1.5.2 and served by {default_minor()}, as was asked"
    )


def test_a_file_is_inspected_again_when_a_worker_has_its_runtime(db: None) -> None:
    waiting, refused = inspect(saved_by("1.5.2")), inspect(b"no model")

    assert inspect_again(("1.4", default_minor())) == 0
    assert inspect_again(("1.5", default_minor())) == 1

    assert [row.status for row in waiting.version.inspections.all()] == ["queued", "failed"]
    assert refused.version.inspections.count() == 1
    assert inspect_again(("1.5", default_minor())) == 0


def test_a_file_goes_on_to_the_worker_that_has_its_runtime(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Heartbeat(timezone.now(), SelfTest(passed=True), runtimes=("1.5", default_minor()))
    monkeypatch.setattr(heartbeats, "heartbeats", lambda: {"another": there})

    with pytest.raises(HandedBack, match=r"scikit-learn 1\.5"):
        inspect(saved_by("1.5.2"))

    row = Inspection.objects.latest("pk")
    assert (row.status, row.attempt, row.needed_runtime) == ("queued", 2, "1.5")


def test_the_inspection_records_the_answer_to_the_typical_row(db: None) -> None:
    """2.1.7: the example is the answer to the typical values, not to the first categories."""
    config = {"features": [{"name": "home", "typical": "rents"}]}
    row = inspect(as_file(loan_model()), training_config=config)

    asked = Rehearsal.objects.get()
    assert (asked.kind, asked.status, asked.revision) == ("example", "succeeded", 1)
    assert asked.example is not None
    assert asked.example.inputs == {"age_in_years": 35.0, "home": "rents"}
    typical = pd.DataFrame([{"age_in_years": 35.0, "home": "rents"}])
    sure = loan_model().predict_proba(typical)[0]
    assert asked.example.outputs.targets[0].confidence == pytest.approx(max(sure))
    assert steps_of(row)["Trial prediction"] == "passed"


def with_rows(version: ModelVersion) -> ReferenceData:
    """Rows with outcomes that were not used in training."""
    upload = ReferenceUpload(
        read_reference([b"x,y\n" + b"1.5,2\n" * 30], target="y"), is_held_out=True
    )
    return write_reference(version, upload, make_user())


def test_an_interval_that_was_said_at_upload_is_asked_with_the_inspection(db: None) -> None:
    line = LinearRegression().fit(pd.DataFrame({"x": [1.0, 2.0]}), [2.0, 4.0])
    content = as_file(line)
    sha256 = store_artifact([content]).sha256
    version = ModelVersion.objects.create(model=make_model(), number=1, sha256=sha256)
    with_rows(version)
    row = Inspection.objects.create(version=version, sha256=sha256)

    inspection.claim(row.pk, 1).carry_out()

    asked = Rehearsal.objects.get(kind="calibration")
    assert (asked.status, len(asked.of), asked.sha256) == ("queued", 30, sha256)


def test_a_model_that_fails_on_a_typical_row_does_not_pass_until_one_is_given(db: None) -> None:
    model = RadiusNeighborsClassifier(radius=0.1).fit([[0.0], [10.0]], ["a", "b"])
    config = {"features": [{"name": "x", "typical": 10.05}]}

    refused = inspect(as_file(model))
    passed = inspect(as_file(model), training_config=config)

    assert refused.status == "failed"
    assert refused.message.startswith("The model fails on a typical row: ValueError: No neighbors")
    assert "upload it with the values of one as `typical`" in refused.message
    assert "No neighbors found" in refused.traceback
    assert set(steps_of(passed).values()) == {"passed"}


def test_a_vectorizer_of_mappings_is_served_from_its_file(db: None) -> None:
    rows = [{"city": ("Oslo", "Lund")[n % 2], "age": n} for n in range(40)]
    model = make_pipeline(DictVectorizer(), LinearRegression()).fit(rows, range(40))

    row = inspect(as_file(model))

    assert set(steps_of(row).values()) == {"passed"}
    age, city = row.version.features.all()
    assert (age.kind, city.kind, city.choices) == (
        "float",
        "choice",
        [["Lund", "Lund"], ["Oslo", "Oslo"]],
    )


def test_a_refused_type_is_in_the_report_by_its_name(db: None) -> None:
    row = inspect(as_file(Path("/etc")))

    assert any(name.startswith("pathlib.") for name in row.report["refused"])


def test_a_type_of_a_package_that_is_not_installed_is_not_offered_for_approval(db: None) -> None:
    content = as_file(loan_model()).replace(
        b"sklearn.linear_model._logistic", b"northbank_ml.scoring.logistics"
    )

    row = inspect(content)

    assert (row.status, row.needs_approval) == ("failed", [])
    assert row.message == (
        "The file names `northbank_ml.scoring.logistics.LogisticRegression`, which is not on the "
        "list of known types. A superuser can approve types of installed packages only: install "
        "northbank_ml on the worker, then inspect the file again."
    )


def test_a_type_that_scikit_learn_has_no_more_is_not_offered_for_approval(db: None) -> None:
    content = as_file(loan_model()).replace(
        b"sklearn.linear_model._logistic", b"sklearn.linear_model._foretold"
    )

    row = inspect(content)

    assert (row.status, row.needs_approval) == ("failed", [])
    assert row.report["refused"] == ["sklearn.linear_model._foretold.LogisticRegression"]


def test_an_inspection_that_is_not_queued_runs_nothing(db: None) -> None:
    row = inspect(as_file(loan_model()))

    with pytest.raises(NotQueued):
        inspection.claim(row.pk, 1)


def test_a_name_that_is_too_long_ends_the_inspection_with_its_cause(db: None) -> None:
    name = "x" * 301
    model = LogisticRegression().fit(
        PEOPLE[["age_in_years"]].fillna(0).set_axis([name], axis=1), REPAYS
    )

    row = inspect(as_file(model))

    assert (row.status, row.attempt) == ("failed", 1)
    assert "The name of input 1" in row.message
    assert "Change that, then train and save the model again." in row.message


def of_length(length: int) -> Callable[..., Merged]:
    """Return what is proposed, with a name that no check has thought of."""

    def proposed(*facts: Any) -> Merged:
        merged = proposal.propose(*facts)
        first, *others = merged.features
        return replace(merged, features=(replace(first, name="x" * length), *others))

    return proposed


def test_findings_that_cannot_be_stored_end_the_inspection_at_once(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left running, the row would be tried twice more and called lost."""
    monkeypatch.setattr(file_checks, "propose", of_length(301))

    row = inspect(as_file(loan_model()))

    assert (row.status, row.attempt) == ("failed", 1)
    assert row.message.startswith("What was found in the file could not be stored (DataError).")
    assert "value too long for type character varying(300)" in row.traceback
    assert not row.version.features.exists()
    assert steps_of(row)["Trial prediction"] == "failed"


def test_steps_that_cannot_be_stored_end_the_inspection_at_once(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL stores no NUL."""
    monkeypatch.setattr(file_checks, "_answer", lambda _: "\0 classes")

    row = inspect(as_file(loan_model()))

    assert (row.status, row.attempt) == ("failed", 1)
    assert "could not be stored (DataError)" in row.message
    assert "u0000 cannot be converted to text" in row.traceback


def test_a_refusal_that_cannot_be_stored_ends_the_inspection_at_once(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise DomainError("\0")

    monkeypatch.setattr(file_checks, "propose", refuse)

    row = inspect(as_file(loan_model()))

    assert (row.status, row.attempt) == ("failed", 1)
    assert "could not be stored" in row.message


def test_what_is_too_large_for_the_database_is_not_waited_for(db: None) -> None:
    """PostgreSQL counts it among the errors of operation, as when it is away."""

    def report() -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT array_fill(0, ARRAY[2000000000])")
        return True

    lease = Lease(lambda: True, taken_at=-1e9)  # over: nothing is tried again

    assert isinstance(lease.try_to_write(report), OperationalError)
