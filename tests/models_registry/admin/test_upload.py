from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from model_host.protocol.artifact import LoadReport
from model_host.protocol.codec import to_json
from model_host.protocol.examination import Step
from models_registry import services
from models_registry.errors import BadModelName, TooManyUploads, UploadUnderWay
from models_registry.inspection_steps import Report
from models_registry.models import Inspection, ModelVersion, RegisteredModel
from models_registry.services.uploading import LOCKS
from tests.factories import AGE, make_model, make_report, make_user, make_version


def address(model: RegisteredModel) -> str:
    return f"/admin/models_registry/registeredmodel/{model.pk}/upload/"


def version_page(version: ModelVersion, name: str = "change") -> str:
    return f"/admin/models_registry/modelversion/{version.pk}/{name}/"


def files(content: bytes = b"model", **fields: Any) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("loan.joblib", content)} | fields


def text_file(text: str, name: str = "file.txt") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode())


def inspected(version: ModelVersion, **fields: Any) -> Inspection:
    defaults = {"status": "succeeded", "finished_at": timezone.now(), "sha256": version.sha256}
    return Inspection.objects.create(version=version, **defaults | fields)


def test_a_new_model_leads_to_the_upload_of_its_first_file(as_ada: Client) -> None:
    data = {"name": "Heat", "load_seconds": 30, "predict_seconds": 5, "slow_seconds": 3}
    answer = as_ada.post("/admin/models_registry/registeredmodel/add/", data)
    assert answer["Location"] == address(RegisteredModel.objects.get())


@pytest.mark.parametrize("character", ["\x1b", "\u202e", "\u2028", "\x85"])
def test_a_model_has_no_name_that_steers_or_turns_what_stands_around_it(
    as_ada: Client, character: str
) -> None:
    data = {"name": f"He{character}at", "load_seconds": 30, "predict_seconds": 5, "slow_seconds": 3}
    answer = as_ada.post("/admin/models_registry/registeredmodel/add/", data)
    assert f"holds a character that no name has (U+{ord(character):04X})" in answer.content.decode()
    assert not RegisteredModel.objects.exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("n" * 201, "The name of the model has 201 characters; at most 200"),
        ("Heat\nX-Header: 1", "no name has (U+000A)"),
        (" ", "A model needs a name."),
    ],
)
def test_a_script_hears_the_same_of_a_models_name(ada: User, name: str, sentence: str) -> None:
    with pytest.raises(BadModelName) as refusal:
        services.create_model(name=name, by=ada)
    assert sentence in refusal.value.message


def test_the_name_of_a_file_is_kept_without_what_would_steer_a_terminal(
    ada: User, db: None
) -> None:
    version = services.upload_version(
        model=make_model(), chunks=[b"x"], file_name="a\x1b[2J\r\n\udce9\u202eb.pkl", by=ada
    )
    assert version.file_name == r"a\x1b[2J\r\n\udce9\u202eb.pkl"


def test_the_page_says_the_size_limit_before_and_to_the_script(
    as_ada: Client, db: None, settings: Settings
) -> None:
    settings.ARTIFACT_MAX_BYTES = 7 * 1024**2
    page = as_ada.get(address(make_model())).content.decode()
    assert "at most 7 MB" in page
    assert f'data-max-bytes="{7 * 1024**2}"' in page
    assert "training-configuration" in page


def test_the_script_is_told_where_to_go_on(as_ada: Client, db: None) -> None:
    headers = {"X-Requested-With": "XMLHttpRequest"}
    answer = as_ada.post(address(make_model()), files(), headers=headers)
    assert answer.status_code == 201
    assert answer.json() == {"url": version_page(ModelVersion.objects.get())}


def test_everything_said_at_the_upload_stands_with_the_version(as_ada: Client, db: None) -> None:
    config = "intended_use: Clerks\nlimitations: Not under 25\nmetrics: {auc: 0.9}"
    said: dict[str, Any] = {
        "config": text_file(config),
        "reference": text_file("age\n20\n30\n", "ref.csv"),
        "label": "Spring",
        "description": "With heat pumps",
        "release_notes": "More data",
    }
    as_ada.post(address(make_model()), files(**said))
    version = ModelVersion.objects.get()
    assert (version.label, version.description, version.release_notes) == (
        "Spring",
        "With heat pumps",
        "More data",
    )
    assert (version.intended_use, version.limitations) == ("Clerks", "Not under 25")
    assert version.reference_data.row_count == 2


def test_a_form_that_comes_back_says_which_files_must_be_chosen_again(
    as_ada: Client, db: None
) -> None:
    said = files(config=text_file("features: [{name: a, min: ten}]"), label="Spring")
    answer = as_ada.post(address(make_model()), said)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "features[0].min" in page
    assert "Model file, Training configuration" in page
    assert 'value="Spring"' in page
    assert not ModelVersion.objects.exists()


def test_the_same_file_says_which_versions_it_is(as_ada: Client, db: None) -> None:
    first, second = make_model(name="First"), make_model(name="Second")
    as_ada.post(address(first), files())
    page = as_ada.post(address(second), files(), follow=True).content.decode()
    assert "The same file was uploaded before: First v1." in page
    assert "The same file was uploaded as" in page
    assert ModelVersion.objects.count() == 2


def test_a_file_that_never_came_in_is_nobodys_duplicate(db: None) -> None:
    one, _ = (make_version(sha256="", is_tested=False) for _ in range(2))
    assert not services.same_file(one).exists()


def test_more_uploads_in_an_hour_than_one_person_may_are_refused_in_words(
    as_ada: Client, ada: User, root: User, settings: Settings
) -> None:
    settings.UPLOADS_PER_HOUR = 2
    model = make_model()
    for _ in range(2):
        assert as_ada.post(address(model), files()).status_code == 302
    answer = as_ada.post(address(model), files())
    assert answer.status_code == 422
    assert "2 files an hour" in answer.content.decode()
    with services.one_upload(by=root):
        pass
    with pytest.raises(TooManyUploads), services.one_upload(by=ada):
        pass


def test_deleting_a_draft_gives_no_upload_back(
    as_ada: Client, ada: User, settings: Settings
) -> None:
    settings.UPLOADS_PER_HOUR = 1
    as_ada.post(address(make_model()), files())
    services.delete_draft(version=ModelVersion.objects.get(), by=ada)
    with pytest.raises(TooManyUploads), services.one_upload(by=ada):
        pass


@pytest.mark.django_db(transaction=True)
def test_one_person_uploads_one_file_at_a_time() -> None:
    ada, bob = make_user("ada1@example.com"), make_user("bob1@example.com")
    elsewhere = connections.create_connection("default")
    try:
        with elsewhere.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCKS, ada.pk])
        with pytest.raises(UploadUnderWay), services.one_upload(by=ada):
            pass
        with services.one_upload(by=bob):
            pass
    finally:
        with elsewhere.cursor() as cursor:  # closed, it would go back to the pool with its lock
            cursor.execute("SELECT pg_advisory_unlock_all()")
        elsewhere.close()
    with services.one_upload(by=ada):
        pass
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
            "WHERE datname = current_database() AND classid = %s",
            [LOCKS],
        )
        assert cursor.fetchone()[0] == 0


def test_the_fragment_holds_the_steps_alone_and_says_when_it_is_done(
    as_ada: Client, db: None
) -> None:
    as_ada.post(address(make_model()), files())
    version = ModelVersion.objects.get()
    running = as_ada.get(version_page(version, "inspection")).content.decode()
    assert "<html" not in running
    assert "data-open" in running
    assert "Trial prediction" in running
    version.inspections.update(status="succeeded", finished_at=timezone.now())
    assert "data-open" not in as_ada.get(version_page(version, "inspection")).content.decode()


def test_a_worker_that_does_not_answer_is_said_with_what_to_look_at(
    as_ada: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_ada.post(address(make_model()), files())
    version = ModelVersion.objects.get()
    asked_at = version.inspections.get().requested_at
    for seconds, is_said in ((14, False), (16, True)):
        stop_clock(monkeypatch, asked_at + timedelta(seconds=seconds))
        page = as_ada.get(version_page(version)).content.decode()
        assert ("No worker has answered" in page) == is_said


def stop_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """Show an inspection's section at this moment."""
    monkeypatch.setattr("models_registry.admin.inspection_page.timezone", Mock(now=lambda: now))


def test_a_long_load_shows_that_it_still_runs(
    as_ada: Client, db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    stop_clock(monkeypatch, now)
    version = make_version(is_tested=False)
    inspected(
        version,
        status="running",
        finished_at=None,
        started_at=now - timedelta(seconds=21),
        lease_until=now - timedelta(seconds=4) + settings.LEASE,
        steps=[{"name": "Loads in the sandbox", "state": "running", "detail": ""}],
    )
    page = as_ada.get(version_page(version, "inspection")).content.decode()
    assert "Still at work" in page
    assert "21." in page


def test_what_needs_approval_is_a_superusers_way_on_and_an_admins_sentence(
    as_ada: Client, root: User
) -> None:
    version = make_version(is_tested=False)
    inspected(
        version,
        status="failed",
        message="The file names acme.Bands.",
        report={"needs_approval": [["acme", "Bands"]]},
        steps=[{"name": "Types in the file", "state": "failed", "detail": "acme.Bands"}],
    )
    page = as_ada.get(version_page(version, "inspection")).content.decode()
    assert "Needs approval" in page
    assert "A superuser can approve this type" in page
    assert version_page(version, "review") not in page
    client = Client()
    client.force_login(root)
    page = client.get(version_page(version, "inspection")).content.decode()
    assert version_page(version, "review") in page


def test_disagreements_and_the_pipelines_steps_are_shown_as_text(as_ada: Client, db: None) -> None:
    version = make_version(training_config={"preprocessing": ["Scale <b>all</b>"]})
    report = make_report(steps=(Step("<i>scale</i>", "StandardScaler", ("age",)),))
    inspected(version, report=report | {"disagreements": ["Names <b>wage</b>."]})
    page = as_ada.get(version_page(version)).content.decode()
    for shown in ("Names &lt;b&gt;wage", "&lt;i&gt;scale", "Scale &lt;b&gt;all", "StandardScaler"):
        assert shown in page


def test_what_was_left_out_of_the_model_stands_with_the_file_as_text(
    as_ada: Client, db: None
) -> None:
    version = make_version()
    load = LoadReport((), 0.1, 0, left_out="Left out: the scorer `<b>`, which serves.")
    inspected(version, report=to_json(Report(load)))
    page = as_ada.get(f"{version_page(version)}?tab=file").content.decode()
    assert "Left out: the scorer `&lt;b&gt;`, which serves." in page


def test_thirty_inputs_and_more_fold(as_ada: Client, db: None) -> None:
    features = tuple(replace(AGE, name=f"age_{n}", label=f"Age {n}") for n in range(31))
    version = make_version(features=features)
    inspected(version)
    assert "21 more inputs" in as_ada.get(version_page(version)).content.decode()


def test_the_list_of_models_offers_a_new_one(as_ada: Client) -> None:
    page = as_ada.get("/admin/models_registry/registeredmodel/").content.decode()
    assert "New model" in page
