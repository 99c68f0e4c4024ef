"""The records of a version: its backup, its model card, and the page that shows everything."""

import hashlib
import io
import json
import tracemalloc
import zipfile
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import ActivityEvent, User
from model_host.protocol.examination import Step
from models_registry import services
from models_registry.card.version_zip import BackupBroken
from models_registry.models import Inspection, ModelVersion, TypeApproval
from models_registry.store.storage import artifact_key, store_artifact
from tests.factories import make_execution, make_report, make_user, make_version
from tests.pdf_text import text_of

MARKUP = "<img src=file:///etc/passwd onerror=alert(1)>"
EXAMINATION: dict[str, Any] = {
    "gives_probabilities": True,
    "gives_interval": False,
    "steps": (Step("scale", "StandardScaler", ("age",)),),
    "libraries_running": {"scikit-learn": "1.9.0", "numpy": "2.4.0"},
}


def address(version: ModelVersion, page: str = "change") -> str:
    return f"/admin/models_registry/modelversion/{version.pk}/{page}/"


def stored_version(content: bytes, **fields: Any) -> ModelVersion:
    artifact = store_artifact([content])
    return make_version(sha256=artifact.sha256, size=artifact.size, **fields)


def inspected(version: ModelVersion) -> ModelVersion:
    Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status="succeeded",
        finished_at="2026-01-01T00:00Z",
        report=make_report(**EXAMINATION),
    )
    return version


def words(page: Any) -> str:
    return " ".join(page.content.decode().split())


def test_a_backup_holds_the_very_file_and_all_that_was_written_about_it(
    as_ada: Client, db: None
) -> None:
    content = b"model" * 600_000
    version = stored_version(content, file_name="../Größe: v1.joblib", metrics={"auc": 0.9})
    page = as_ada.post(address(version, "download"))
    assert page["Content-Disposition"].startswith("attachment")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(page.streaming_content)))  # type: ignore[attr-defined]
    assert archive.testzip() is None
    folder = f"{version.model.slug}-v1"
    assert archive.namelist() == [f"{folder}/configuration.json", f"{folder}/Gr_e_v1.joblib"]
    assert archive.read(f"{folder}/Gr_e_v1.joblib") == content
    told = json.loads(archive.read(f"{folder}/configuration.json"))
    assert told["file"]["name"] == "../Größe: v1.joblib"
    assert told["metrics"] == {"auc": 0.9}
    assert [entry["name"] for entry in told["configuration"]["features"]] == [
        "age", "income", "home", "work",
    ]  # fmt: skip


def test_a_download_is_recorded_and_only_a_post_makes_one(
    as_ada: Client, ada: User, db: None
) -> None:
    version = stored_version(b"recorded")
    assert as_ada.get(address(version, "download")).status_code == 405
    as_ada.post(address(version, "download"))
    event = ActivityEvent.objects.get(action="version downloaded")
    assert (event.actor, event.target) == (ada, str(version))
    assert event.after == {"sha256": version.sha256}


def test_a_backup_is_streamed_and_never_whole_in_memory(ada: User) -> None:
    version = stored_version(b"\0" * 48 * 1024**2)
    tracemalloc.start()
    size = sum(len(chunk) for chunk in services.download_version(version=version, by=ada))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 48 * 1024**2
    assert peak < 12 * 1024**2


def test_a_backup_of_an_altered_file_breaks_off_and_marks_the_version(ada: User) -> None:
    version = stored_version(b"as it was uploaded")
    storages["artifacts"].delete(artifact_key(version.sha256))
    storages["artifacts"].save(artifact_key(version.sha256), ContentFile(b"another"))
    sent: list[bytes] = []
    with pytest.raises(BackupBroken):
        sent.extend(services.download_version(version=version, by=ada))
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(sent)))
    version.refresh_from_db()
    assert version.is_altered


def test_a_file_that_the_store_lost_is_said_on_the_versions_page(as_ada: Client, db: None) -> None:
    lost = make_version(sha256=hashlib.sha256(b"never stored").hexdigest())
    page = as_ada.post(address(lost, "download"), follow=True)
    assert "The store does not give this version" in words(page)
    assert not ActivityEvent.objects.filter(action="version downloaded").exists()


def test_the_card_says_what_is_known_and_that_the_rest_is_not_written(
    as_ada: Client, ada: User
) -> None:
    version = inspected(
        make_version(
            metrics={"ROC AUC": 0.871, "log_loss": 0.31},
            training_config={"data": {"rows": 4000, "from": "2025-01"}, "author": MARKUP},
            libraries_trained={"scikit-learn": "1.8.1"},
        )
    )
    services.promote(version=version, text="The first of them all", by=ada, libraries_tested=True)
    text = words(as_ada.get(address(version, "card")))
    assert "Repays · Defaults" in text
    assert "A confidence: how sure the model is, not how often it is right." in text
    assert "18 to 100 years" in text
    assert "lower is better" in text
    assert "trained with 1.8.1, running 1.9.0" in text
    assert "4000" in text
    assert "The first of them all" in text
    assert text.count("Not written yet.") == 3
    assert MARKUP not in text


def test_the_words_of_a_card_change_also_when_live_and_leave_a_record(
    as_ada: Client, active_version: ModelVersion
) -> None:
    data = {"intended_use": "Loan officers", "limitations": "Not for firms", "description": ""}
    as_ada.post(address(active_version, "card"), data)
    active_version.refresh_from_db()
    assert (active_version.intended_use, active_version.limitations) == (
        "Loan officers", "Not for firms",
    )  # fmt: skip
    event = ActivityEvent.objects.get(action="model card edited")
    assert event.before == {"intended_use": "", "limitations": ""}
    as_ada.post(address(active_version, "card"), data)
    assert ActivityEvent.objects.filter(action="model card edited").count() == 1


def test_a_card_as_long_as_a_book_is_refused_in_words(
    as_ada: Client, active_version: ModelVersion
) -> None:
    page = as_ada.post(address(active_version, "card"), {"limitations": "x" * 5001})
    assert page.status_code == 422
    assert "Expected at most 5,000 characters." in words(page)


def test_the_card_is_printed_with_hostile_names_as_text(as_ada: Client, db: None) -> None:
    version = inspected(make_version(label=MARKUP[:60], intended_use=MARKUP, limitations="مرحبا"))
    version.features.filter(name="age").update(label=MARKUP)
    page = as_ada.get(address(version, "card_pdf"))
    assert page["Content-Type"] == "application/pdf"
    text = "".join(text_of(page.content).split())
    assert "".join(MARKUP.split()) in text
    assert version.sha256 in text
    assert "Page1of2" in text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"task": "classification"}, "This model does not provide a confidence."),
        ({"task": "regression"}, "This model does not provide an interval."),
        ({"task": "clustering"}, "This model does not say how sure it is."),
    ],
)
def test_a_model_that_cannot_say_how_sure_it_is_says_so(
    as_ada: Client, db: None, fields: dict[str, Any], sentence: str
) -> None:
    assert sentence in words(as_ada.get(address(make_version(**fields), "card")))


def test_the_versions_page_is_complete(as_ada: Client, ada: User) -> None:
    version = inspected(
        make_version(
            uploaded_by=ada,
            metrics={"rmse": 4.2},
            training_config={"house_style": {"unknown": MARKUP}},
            libraries_trained={"scikit-learn": "1.8.1"},
        )
    )
    TypeApproval.objects.create(
        sha256=version.sha256, module="team.steps", name="AddRatios", approved_by=ada
    )
    make_execution(version=version, user=ada, error_code="MODEL")
    parts = ("inputs", "tests", "file", "text", "activity")
    text = " ".join(words(as_ada.get(f"{address(version)}?tab={part}")) for part in parts)
    for fact in (
        version.sha256,
        "team.steps.AddRatios",
        "&quot;house_style&quot;",
        "sklearn.pipeline.Pipeline",
        "<span>1 prediction</span><span>0.0 % success</span>",
        "1.8.1",
        "differs",
        "lower is better",
        "Promote to Production",
    ):
        assert fact in text
    assert MARKUP not in text


@pytest.mark.parametrize("page", ["change", "card"])
def test_a_versions_page_costs_the_same_when_its_rows_double(
    as_ada: Client, ada: User, page: str
) -> None:
    version = inspected(make_version(is_active=True))
    counts = []
    for _ in range(2):
        as_ada.get(address(version, page))
        with CaptureQueriesContext(connection) as queries:
            assert as_ada.get(address(version, page)).status_code == 200
        counts.append(len(queries))
        for number in range(3):
            TypeApproval.objects.create(
                sha256=version.sha256,
                module="m",
                name=f"T{len(counts)}{number}",
                approved_by=make_user(),
            )
            make_version(model=version.model)
    assert counts[0] == counts[1]
