from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from pytest_django.fixtures import Settings

from accounts.models import ActivityEvent, User
from config.errors import DomainError
from models_registry import services
from models_registry.errors import (
    AlreadyActive,
    IncompleteSchema,
    NotInspected,
    NotTested,
    VersionInUse,
    VersionLocked,
)
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.models import Deployment, Inspection, ModelVersion, RegisteredModel
from models_registry.store.integrity import mark_altered
from tests.factories import make_execution, make_model, make_user, make_version


def test_a_model_gets_an_address_of_its_own(ada: User) -> None:
    first = services.create_model(name="Loan risk", by=ada)
    second = services.create_model(name="Loan Risk!", by=ada)
    third = services.create_model(name="信用", by=ada)
    assert [first.slug, second.slug, third.slug] == ["loan-risk", "loan-risk-2", "model"]


def test_an_upload_is_a_numbered_draft_with_its_hash_and_an_inspection(ada: User) -> None:
    model = make_model()
    first = services.upload_version(model=model, chunks=[b"one"], file_name="a.joblib", by=ada)
    second = services.upload_version(model=model, chunks=[b"t", b"wo"], file_name="b", by=ada)
    assert [first.number, second.number] == [1, 2]
    assert second.sha256 == "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
    assert second.size == 3
    assert second.status == "draft"
    assert second.inspections.get().status == "queued"


def test_a_file_over_the_limit_leaves_a_draft_that_says_so(ada: User, settings: Settings) -> None:
    settings.ARTIFACT_MAX_BYTES = 1024**2
    version = services.upload_version(
        model=make_model(), chunks=[b"x" * 1024**2, b"y"], file_name="big.joblib", by=ada
    )
    inspection = version.inspections.get()
    assert (version.status, version.sha256, inspection.status) == ("draft", "", "failed")
    assert "larger than 1 MB" in inspection.message


def test_a_refused_draft_takes_another_file(ada: User) -> None:
    version = services.upload_version(model=make_model(), chunks=[b"x"], file_name="a", by=ada)
    version.inspections.update(status=Inspection.Status.FAILED, finished_at="2026-01-01T00:00Z")
    again = services.replace_artifact(version=version, chunks=[b"y"], file_name="b", by=ada)
    assert (again.number, again.file_name, again.revision) == (1, "b", 2)
    assert again.inspections.count() == 2


def test_the_new_file_of_a_draft_is_not_the_one_that_was_altered(ada: User) -> None:
    version = services.upload_version(model=make_model(), chunks=[b"x"], file_name="a", by=ada)
    version.inspections.update(status=Inspection.Status.FAILED, finished_at="2026-01-01T00:00Z")
    mark_altered(version.sha256)

    services.replace_artifact(version=version, chunks=[b"y"], file_name="b", by=ada)

    version.refresh_from_db()
    assert not version.is_altered


def test_a_draft_whose_file_passed_keeps_it(ada: User) -> None:
    version = services.upload_version(model=make_model(), chunks=[b"x"], file_name="a", by=ada)
    with pytest.raises(VersionLocked):
        services.replace_artifact(version=version, chunks=[b"y"], file_name="b", by=ada)


def test_promotion_needs_a_test_of_this_file_and_this_revision(ada: User) -> None:
    version = make_version(is_tested=False)
    with pytest.raises(NotTested):
        services.promote(version=version, text="First version", by=ada)
    services.mark_tested(version_id=version.pk, sha256="other", revision=1)
    with pytest.raises(NotTested):
        services.promote(version=version, text="First version", by=ada)
    services.mark_tested(version_id=version.pk, sha256=version.sha256, revision=1)
    services.promote(version=version, text="First version", by=ada)
    version.refresh_from_db()
    assert version.is_active


def test_editing_the_inputs_asks_for_another_test(ada: User) -> None:
    version = make_version()
    services.save_configuration(version=version, by=ada)
    with pytest.raises(NotTested):
        services.promote(version=version, text="First version", by=ada)


def test_promotion_archives_the_version_before_and_records_who_when_and_why(ada: User) -> None:
    old = make_version()
    new = make_version(model=old.model)
    services.promote(version=old, text="First version", by=ada)
    services.promote(version=new, text="Knows heat pumps", by=ada)
    old.refresh_from_db()
    ended, current = Deployment.objects.order_by("pk")
    assert old.status == "archived"
    assert (current.version, current.previous_version, current.by) == (new, old, ada)
    assert (current.text, current.ended_at) == ("Knows heat pumps", None)
    assert ended.ended_at is not None
    assert ended.ended_at <= current.started_at
    assert ActivityEvent.objects.filter(action="version promoted").count() == 2


def test_the_active_version_cannot_be_promoted_again(
    ada: User, active_version: ModelVersion
) -> None:
    with pytest.raises(AlreadyActive):
        services.promote(version=active_version, text="Once more", by=ada)


def test_once_live_the_inputs_are_locked(ada: User, active_version: ModelVersion) -> None:
    with pytest.raises(VersionLocked):
        services.save_configuration(version=active_version, by=ada)


@pytest.mark.django_db(transaction=True)
def test_twenty_promotions_at_once_leave_exactly_one_active_version() -> None:
    by, model = make_user(is_staff=True), make_model()
    versions = [make_version(model=model) for _ in range(20)]

    def promote(version: ModelVersion) -> None:
        try:
            services.promote(version=version, text="At the same time", by=by)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(promote, versions))
    assert model.versions.active().count() == 1
    assert Deployment.objects.filter(ended_at=None).count() == 1
    assert Deployment.objects.count() == 20


def test_the_database_allows_one_active_version_of_a_model(active_version: ModelVersion) -> None:
    with pytest.raises(IntegrityError):
        make_version(model=active_version.model, is_active=True)


def test_the_database_lets_nothing_untested_go_live(db: None) -> None:
    version = make_version(is_tested=False)
    with pytest.raises(IntegrityError):
        ModelVersion.objects.filter(pk=version.pk).update(status="active")


def test_the_database_keeps_a_tested_versions_file(db: None) -> None:
    version = make_version()
    with pytest.raises(DatabaseError, match="stays"):
        ModelVersion.objects.filter(pk=version.pk).update(sha256="0" * 64)


def test_the_database_keeps_deployments_as_they_were(ada: User) -> None:
    deployment = services.promote(version=make_version(), text="First version", by=ada)
    for change in ({"text": "Another story"}, {"version": make_version()}):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Deployment.objects.filter(pk=deployment.pk).update(**change)
    with pytest.raises(DatabaseError, match="append-only"):
        deployment.delete()


def test_deployments_of_a_model_never_overlap(ada: User) -> None:
    deployment = services.promote(version=make_version(), text="First version", by=ada)
    with pytest.raises(IntegrityError):
        Deployment.objects.create(
            model=deployment.model, version=deployment.version, action="promotion"
        )


def test_a_draft_that_never_ran_can_be_deleted(ada: User) -> None:
    version = make_version(is_tested=False)
    services.delete_draft(version=version, by=ada)
    assert not ModelVersion.objects.exists()


def test_a_version_that_ran_or_is_live_stays(ada: User, active_version: ModelVersion) -> None:
    tested = make_version()
    make_execution(version=tested, user=ada, purpose="test")
    for version in (tested, active_version):
        with pytest.raises(VersionInUse):
            services.delete_draft(version=version, by=ada)
    assert RegisteredModel.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"container": ""}, NotInspected),
        ({"features": (FeatureSpec("x", "X", Kind.FLOAT, is_complete=False),)}, IncompleteSchema),
    ],
)
def test_a_version_without_a_complete_schema_cannot_run(
    db: None, fields: dict[str, object], error: type[DomainError]
) -> None:
    with pytest.raises(error):
        services.check_runnable(make_version(**fields))  # type: ignore[arg-type]
