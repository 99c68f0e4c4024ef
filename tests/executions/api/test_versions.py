"""Versions by programs: a file is uploaded and inspected by the rules of the admin's pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.db.models.functions import Now
from pytest_django import Settings

from accounts import services as people
from accounts.models import User
from accounts.tokens.services import make_service_account
from models_registry import services
from models_registry.models import Deployment, Inspection, ModelVersion, RegisteredModel
from models_registry.services.uploading import LOCKS
from tests.executions.api.conftest import Program, path_of, problem, versions_of
from tests.factories import (
    LOAN_INPUTS,
    make_model,
    make_report,
    make_version,
)

pytestmark = pytest.mark.usefixtures("fake_prefect")

PUBLISH = ("publish",)
CHANGES = {"changes": "Trained on newer data."}


@pytest.fixture
def model(db: None) -> RegisteredModel:
    return make_model()


def upload(program: Program, model: RegisteredModel | str, **parts: Any) -> Any:
    slug = model if isinstance(model, str) else model.slug
    sent = {"file": SimpleUploadedFile("loan.joblib", b"model")} | parts
    headers = {"Authorization": f"Bearer {program.secret}"}
    if prefer := sent.pop("prefer", ""):
        headers["Prefer"] = prefer
    return program.client.post(f"/api/v1/models/{slug}/versions", sent, headers=headers)


# --- Upload ---------------------------------------------------------------------------------------


def test_a_token_publishes_only_with_the_second_factor_that_the_site_asks_of_its_owner(
    publisher: Program, model: RegisteredModel, ada: User, root: User, settings: Settings
) -> None:
    settings.REQUIRE_ADMIN_SECOND_FACTOR = True
    refusal = problem(upload(publisher, model), 403)
    assert "asks admins for a second factor" in refusal["detail"]
    assert not model.versions.exists()
    nightly = Program(make_service_account(name="Nightly", by=root), ("publish",), by=root)
    assert upload(nightly, model).status_code == 202
    TOTP.activate(ada, "A" * 32)
    assert publisher.get(versions_of(model)).status_code == 200


def test_a_file_becomes_the_next_version_with_all_that_was_said(
    publisher: Program, ada: User, model: RegisteredModel
) -> None:
    answer = upload(
        publisher,
        model,
        config=SimpleUploadedFile("config.yaml", b"intended_use: Clerks"),
        reference=SimpleUploadedFile("rows.csv", b"age\n20\n30\n"),
        label="Spring",
        description="With heat pumps",
        release_notes="More data",
    )

    version = ModelVersion.objects.get()
    assert answer.status_code == 202
    assert answer["Location"].endswith(f"/api/v1{path_of(version)}")
    assert (version.model, version.uploaded_by, version.file_name) == (model, ada, "loan.joblib")
    assert (version.label, version.description, version.release_notes, version.intended_use) == (
        "Spring", "With heat pumps", "More data", "Clerks",
    )  # fmt: skip
    assert version.reference_data.row_count == 2
    found = publisher.get(path_of(version)).json()
    assert found == answer.json()
    assert (found["status"], found["sha256"], found["size"]) == ("draft", version.sha256, 5)
    assert found["inspection"]["status"] == "queued"
    assert {step["status"] for step in found["inspection"]["steps"]} == {"waiting"}


@pytest.mark.parametrize("config", ['{"intended_use": "Clerks"}', "intended_use: Clerks\n"])
def test_a_training_configuration_may_be_a_text(
    publisher: Program, model: RegisteredModel, config: str
) -> None:
    assert upload(publisher, model, config=config).status_code == 202
    assert ModelVersion.objects.get().intended_use == "Clerks"


def test_a_version_takes_over_from_the_one_before_unless_it_is_to_begin_afresh(
    publisher: Program, active_version: ModelVersion
) -> None:
    model = active_version.model
    for fresh, source in ({}, active_version), ({"fresh": "true"}, None):
        upload(publisher, model, **fresh)
        assert ModelVersion.objects.latest("pk").takes_over == source


def test_who_waits_is_told_of_a_file_that_is_no_model(
    publisher: Program, model: RegisteredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executions.api.asking.time.sleep", lambda _: refuse())

    answer = upload(publisher, model, prefer="wait=10")

    assert answer.status_code == 200
    assert answer["Preference-Applied"] == "wait=10"
    inspection = answer.json()["inspection"]
    assert (inspection["status"], inspection["message"]) == ("failed", "This is no model.")
    assert inspection["steps"][0] == {
        "name": "Received and hashed", "status": "failed", "message": "This is no model.",
    }  # fmt: skip
    assert inspection["steps"][1]["status"] == "not_reached"


def refuse() -> None:
    step = {"name": "Received and hashed", "state": "failed", "detail": "This is no model."}
    Inspection.objects.update(
        status="failed", finished_at=Now(), message="This is no model.", steps=[step]
    )


def test_a_version_that_is_deleted_while_it_is_waited_for_is_not_there(
    publisher: Program, model: RegisteredModel, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(_: float) -> None:
        services.delete_draft(version=ModelVersion.objects.get(), by=ada)

    monkeypatch.setattr("executions.api.asking.time.sleep", delete)
    problem(upload(publisher, model, prefer="wait=10"), 404)


@pytest.mark.parametrize(
    ("parts", "pointer", "says"),
    [
        ({"file": "model.joblib"}, "/file", "-F file=@model.joblib"),
        ({"file": SimpleUploadedFile("a", b"")}, "/file", "empty"),
        ({"label": "x" * 61}, "/label", "at most 60"),
        ({"description": "a\0b"}, "/description", "cannot be stored"),
        ({"config": "features: [{name: a, min: ten}]"}, "/config", "features[0].min"),
        ({"config": SimpleUploadedFile("c", b"\xff")}, "/config", "not UTF-8"),
        ({"fresh": "maybe"}, "/fresh", "true or false"),
        ({"held_out": "true"}, "", "no parts but file"),
        ({"label": ["a", "b"]}, "", "twice"),
        ({"is_held_out": "true"}, "/target_column", "Name the column"),
    ],
)
def test_a_part_that_cannot_be_used_is_422_with_its_place(
    publisher: Program, model: RegisteredModel, parts: dict[str, Any], pointer: str, says: str
) -> None:
    error = problem(upload(publisher, model, **parts), 422)["errors"][0]
    assert error["pointer"] == pointer
    assert says in error["detail"]
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data; boundary=x; charset=utf-7", b"--x--", 415),
        ("multipart/form-data", b"--x--", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data", 422),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="label"\r\n\r\n'
            + b"a" * 3_000_000
            + b"\r\n--x--\r\n",
            413,
        ),
    ],
)
def test_a_body_of_another_kind_is_refused(
    publisher: Program, model: RegisteredModel, kind: str, body: bytes, status: int
) -> None:
    problem(publisher.post(versions_of(model), raw=body, Content_Type=kind), status)
    assert not ModelVersion.objects.exists()


def test_more_uploads_in_an_hour_than_allowed_are_429(
    publisher: Program, model: RegisteredModel, settings: Settings
) -> None:
    settings.UPLOADS_PER_HOUR = 1
    upload(publisher, model)

    answer = upload(publisher, model)

    assert "1 files an hour" in problem(answer, 429)["detail"]
    assert 0 < int(answer["Retry-After"]) <= 3600
    assert ModelVersion.objects.count() == 1


@pytest.fixture
def another_upload(ada: User) -> Iterator[None]:
    """Another file of ada's is coming in."""
    elsewhere = connections.create_connection("default")
    with elsewhere.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCKS, ada.pk])
        yield
        cursor.execute("SELECT pg_advisory_unlock_all()")
    elsewhere.close()


@pytest.mark.usefixtures("another_upload")
def test_two_uploads_at_once_are_429(publisher: Program, model: RegisteredModel) -> None:
    answer = upload(publisher, model)

    assert "Another upload of yours is in progress" in problem(answer, 429)["detail"]
    assert answer["Retry-After"] == "10"


# --- Who may --------------------------------------------------------------------------------------


def test_a_token_without_the_scope_publishes_nothing(ada: User, model: RegisteredModel) -> None:
    for answer in (
        upload(Program(ada, ("predict", "read")), model),
        upload(Program(ada, ("predict", "read")), "no-such-model"),
    ):
        assert "“publish”" in problem(answer, 403)["detail"]
    assert not ModelVersion.objects.exists()


def test_who_is_no_admin_any_more_publishes_nothing(
    publisher: Program, ada: User, root: User, tested: ModelVersion
) -> None:
    people.revoke_admin(user=ada, by=root)

    problem(upload(publisher, tested.model), 403)
    problem(publisher.get(path_of(tested)), 403)
    problem(publisher.post(path_of(tested, "/tests"), {"inputs": LOAN_INPUTS}), 403)
    problem(publisher.post(path_of(tested, "/promotion"), CHANGES), 403)
    assert not Deployment.objects.exists()


def test_another_model_than_the_tokens_is_answered_as_one_that_does_not_exist(
    ada: User, tested: ModelVersion
) -> None:
    program = Program(ada, PUBLISH, only_models=[make_model().slug])

    found = problem(upload(program, tested.model), 404)
    unknown = problem(upload(program, "no-such-model"), 404)
    assert {**found, "instance": ""} == {**unknown, "instance": ""}
    problem(program.get(versions_of(tested.model)), 404)
    problem(program.get(path_of(tested)), 404)
    problem(program.post(path_of(tested, "/promotion"), CHANGES), 404)


def test_a_service_account_publishes_by_the_word_of_a_superuser(
    root: User, tested: ModelVersion
) -> None:
    account = make_service_account(name="Nightly training", by=root)
    program = Program(account, PUBLISH, by=root)

    assert upload(program, tested.model).status_code == 202
    assert program.post(path_of(tested, "/tests"), {"inputs": LOAN_INPUTS}).status_code == 202
    assert program.post(path_of(tested, "/promotion"), CHANGES).status_code == 200
    assert Deployment.objects.get().by == account


def test_a_service_account_publishes_to_no_model_that_it_does_not_see(
    root: User, tested: ModelVersion
) -> None:
    account = make_service_account(name="Nightly training", by=root)
    program = Program(account, PUBLISH, by=root)
    team = services.save_group(name="Credit team", added=[], by=root)
    services.show_model(model=tested.model, is_for_everybody=False, groups=[team], by=root)

    never = problem(upload(program, "never-was"), 404)
    assert problem(upload(program, tested.model), 404)["detail"] == never["detail"]
    problem(program.get(path_of(tested)), 404)
    problem(program.post(path_of(tested, "/promotion"), CHANGES), 404)


# --- Versions -------------------------------------------------------------------------------------


def test_versions_are_listed_the_newest_first_page_by_page(
    publisher: Program, active_version: ModelVersion
) -> None:
    model = active_version.model
    for _ in range(2):
        make_version(model=model, is_tested=False)

    page = publisher.get(f"{versions_of(model)}?limit=2").json()
    assert [(one["number"], one["status"]) for one in page["items"]] == [(3, "draft"), (2, "draft")]
    rest = publisher.get(page["next"].partition("/api/v1")[2]).json()
    assert [(one["number"], one["status"]) for one in rest["items"]] == [(1, "active")]
    assert rest["next"] is None


def test_a_version_says_what_a_promotion_misses(publisher: Program, ada: User) -> None:
    version = make_version(is_tested=False)
    Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status="succeeded",
        finished_at=Now(),
        report=make_report(
            libraries_trained={"scikit-learn": "1.8.0"}, libraries_running={"scikit-learn": "1.9.0"}
        ),
    )

    found = publisher.get(path_of(version)).json()

    assert [one["confirm"] for one in found["promotion_misses"]] == [None, "libraries_tested"]
    assert "has not been tested" in found["promotion_misses"][0]["detail"]
    assert "1.8.0" in found["library_differences"][0]
    assert (found["inputs"], found["cases"], found["status"]) == (4, 0, "draft")


def test_a_version_that_there_is_not_is_404(publisher: Program, tested: ModelVersion) -> None:
    for number in (tested.number + 1, 2**63, 10**30):
        problem(publisher.get(f"{versions_of(tested.model)}/{number}"), 404)
