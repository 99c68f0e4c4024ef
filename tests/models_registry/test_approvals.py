"""Approvals of types by a superuser: by whom, for which file, and their record."""

import sys
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from pytest_django import Settings

from accounts.models import ActivityEvent, User
from config.runtimes import packages_of
from flows.inspecting.approvals import approvable, not_installed
from models_registry import services
from models_registry.errors import NotASuperuser, NotRefused
from models_registry.models import Inspection, ModelVersion, TypeApproval
from tests.factories import make_version

BANDS = ("northbank_ml.encoders", "IncomeBands")
TREND = ("northbank_ml.trends", "Trend")


def refused(*types: tuple[str, str], version: ModelVersion | None = None) -> Inspection:
    """Return the inspection of a draft that was refused for these types."""
    version = version or make_version(is_tested=False, container="")
    message = f"The file names `{types[0][0]}.{types[0][1]}`, which is not on the list."
    return Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status=Inspection.Status.FAILED,
        finished_at="2026-01-01T00:00Z",
        message=message,
        steps=[{"name": "Types in the file", "state": "failed", "detail": message}],
        report={"needs_approval": types},
    )


def test_an_approval_is_for_this_files_digest_and_for_no_other_file(root: User) -> None:
    first = refused(BANDS)
    same_file = make_version(sha256=first.sha256, is_tested=False)
    another_file = make_version()

    services.approve_types(version=first.version, types=[BANDS], by=root)

    assert TypeApproval.objects.of(same_file.sha256) == {BANDS}
    assert TypeApproval.objects.of(another_file.sha256) == frozenset()


def test_an_approval_has_the_file_inspected_again_and_is_one_record(root: User) -> None:
    row = refused(BANDS, TREND)

    again = services.approve_types(version=row.version, types=[TREND, BANDS], by=root)

    assert (again.version, again.sha256, again.status) == (row.version, row.sha256, "queued")
    assert again.requested_by == root
    assert again.pk != row.pk
    event = ActivityEvent.objects.get(actor=root)
    assert (event.action, event.target) == ("types approved", str(row.version))
    assert event.after == {
        "sha256": row.sha256,
        "types": ["northbank_ml.encoders.IncomeBands", "northbank_ml.trends.Trend"],
    }
    approval = TypeApproval.objects.first()
    assert approval is not None
    assert approval.approved_by == root
    assert approval.approved_at is not None


def test_an_admin_who_is_no_superuser_cannot_approve(ada: User) -> None:
    row = refused(BANDS)

    with pytest.raises(NotASuperuser):
        services.approve_types(version=row.version, types=[BANDS], by=ada)

    assert not TypeApproval.objects.exists()
    assert row.version.inspections.count() == 1


@pytest.mark.parametrize("types", [[TREND], [BANDS, TREND], []])
def test_only_what_the_inspection_refused_can_be_approved(
    types: list[tuple[str, str]], root: User
) -> None:
    row = refused(BANDS)

    with pytest.raises(NotRefused):
        services.approve_types(version=row.version, types=types, by=root)

    assert not TypeApproval.objects.exists()
    assert not ActivityEvent.objects.filter(actor=root).exists()


def test_an_inspection_of_another_file_allows_no_approval(root: User) -> None:
    row = refused(BANDS)
    ModelVersion.objects.filter(pk=row.version_id).update(sha256="f" * 64)

    with pytest.raises(NotRefused):
        services.approve_types(version=row.version, types=[BANDS], by=root)


def test_an_inspection_that_passed_or_runs_allows_no_approval(root: User) -> None:
    row = refused(BANDS)
    for status in (Inspection.Status.SUCCEEDED, Inspection.Status.RUNNING):
        Inspection.objects.filter(pk=row.pk).update(status=status)
        with pytest.raises(NotRefused):
            services.approve_types(version=row.version, types=[BANDS], by=root)


def test_a_second_click_approves_nothing_twice(root: User) -> None:
    row = refused(BANDS)
    services.approve_types(version=row.version, types=[BANDS], by=root)

    with pytest.raises(NotRefused):
        services.approve_types(version=row.version, types=[BANDS], by=root)

    assert TypeApproval.objects.count() == 1


def test_a_type_that_was_approved_meanwhile_under_another_model_is_no_obstacle(root: User) -> None:
    first = refused(BANDS)
    second = refused(BANDS, TREND, version=make_version(sha256=first.sha256, is_tested=False))
    services.approve_types(version=first.version, types=[BANDS], by=root)

    services.approve_types(version=second.version, types=[BANDS, TREND], by=root)

    assert TypeApproval.objects.of(first.sha256) == {BANDS, TREND}
    assert TypeApproval.objects.count() == 2


def test_an_approval_stands_and_outlives_whoever_gave_it(root: User) -> None:
    services.approve_types(version=refused(BANDS).version, types=[BANDS], by=root)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        TypeApproval.objects.update(sha256="f" * 64)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        TypeApproval.objects.all().delete()

    TypeApproval.objects.update(approved_by=None)  # as the database does when a person is deleted
    assert TypeApproval.objects.get().approved_by is None


# Which types can be approved at all


@pytest.mark.parametrize(
    "pair",
    [
        ("__main__", "AddRatios"),
        ("os", "system"),
        ("posix", "system"),
        ("subprocess", "Popen"),
        ("importlib.util", "spec_from_file_location"),
        ("builtins", "eval"),
        ("test.support", "run_code"),
        ("xgboost.core", "Booster"),
        ("model_host.processes", "Zygote"),
        ("sklearn.linear_model._base", "LinearRegression"),
        ("northbank_ml", "Encoders.Inner"),
        ("northbank_ml", "Bänds"),
        ("northbank_ml\n", "Bands"),
        ("northbank ml", "Bands"),
        ("", "Bands"),
        (".northbank_ml", "Bands"),
    ],
)
def test_no_approval_opens_a_file_that_names(pair: tuple[str, str]) -> None:
    assert approvable([pair], []) == []
    assert approvable([BANDS, pair], []) == []


def test_types_of_installed_packages_can_be_approved_unless_they_were_already() -> None:
    assert approvable([TREND, BANDS, BANDS], []) == [BANDS, TREND]
    assert approvable([BANDS], [BANDS]) == []
    assert approvable([BANDS, TREND], [], absent=[TREND]) == []


def test_a_package_is_looked_for_and_not_imported() -> None:
    installed = ("antigravity", "Module")

    assert not_installed([BANDS, TREND, installed]) == ["northbank_ml"]
    assert "antigravity" not in sys.modules


def test_a_package_must_be_installed_in_the_runtime_that_serves_the_file(
    settings: Settings, tmp_path: Path
) -> None:
    settings.RUNTIMES_DIR = tmp_path
    (packages_of(tmp_path, "1.5") / "northbank_ml").mkdir(parents=True)
    (packages_of(tmp_path, "1.5") / "northbank_ml" / "__init__.py").touch()

    assert not_installed([BANDS, TREND], "1.5") == []
    assert not_installed([("django.forms", "Form")], "1.5") == ["django"]


# The page


def test_a_superuser_reviews_and_approves_on_one_page(root: User) -> None:
    row, client = refused(BANDS, TREND), Client()
    client.force_login(root)
    address = f"/admin/models_registry/modelversion/{row.version_id}/review/"

    version_page = client.get(f"/admin/models_registry/modelversion/{row.version_id}/change/")
    page = client.get(address)

    assert f'href="{address}"' in version_page.text
    for words in (
        "northbank_ml.encoders.IncomeBands",
        "northbank_ml.trends.Trend",
        row.sha256,
        "Approve a type only if your team wrote it or you know its package.",
        "Trust these types in this file and inspect it again",
    ):
        assert words in page.text
    answer = client.post(address, {"types": page.context["form"]["types"].value()})
    assert answer["Location"] == f"/admin/models_registry/modelversion/{row.version_id}/change/"
    assert TypeApproval.objects.of(row.sha256) == {BANDS, TREND}


def test_an_admin_is_told_who_can_approve(as_ada: Client) -> None:
    row = refused(BANDS)

    page = as_ada.get(f"/admin/models_registry/modelversion/{row.version_id}/change/")
    answer = as_ada.post(
        f"/admin/models_registry/modelversion/{row.version_id}/review/",
        {"types": '[["northbank_ml.encoders", "IncomeBands"]]'},
    )

    assert "A superuser can approve this type for this file." in page.text
    assert "/review/" not in page.text
    assert answer.status_code == 403
    assert not TypeApproval.objects.exists()


@pytest.mark.parametrize(
    "posted",
    [
        "",
        "not json",
        "{}",
        "[1]",
        '[["a"]]',
        '[["a", 1]]',
        '[["os", "system"]]',
        '[["northbank_ml.encoders", "IncomeBands"], ["os", "system"]]',
    ],
)
def test_what_the_page_did_not_show_is_not_approved(posted: str, root: User) -> None:
    row, client = refused(BANDS), Client()
    client.force_login(root)

    page = client.post(
        f"/admin/models_registry/modelversion/{row.version_id}/review/",
        {"types": posted},
        follow=True,
    )

    assert "does not ask for this approval" in page.text
    assert not TypeApproval.objects.exists()
