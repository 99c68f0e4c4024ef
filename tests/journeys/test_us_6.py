"""US-6.1 and 6.2: which version was active when and who decided it, and the way back."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import User
from models_registry import services
from models_registry.models import Deployment, ModelVersion, Rehearsal
from notifications.models import Kind, Notification
from tests.factories import make_model, make_version


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def two_versions(ada: User) -> tuple[ModelVersion, ModelVersion]:
    """v1, and v2 that followed it."""
    model = make_model(name="Loan repayment")
    one = make_version(model=model, uploaded_by=ada)
    services.promote(version=one, text="The first version.", by=ada)
    two = make_version(model=model, uploaded_by=ada)
    services.promote(version=two, text="Knows heat pumps.", by=ada)
    one.refresh_from_db()
    return one, two


def test_us_6_1_every_version_has_its_number_state_uploader_and_periods(
    as_ada: Client, ada: User
) -> None:
    one, two = two_versions(ada)
    make_version(model=one.model, uploaded_by=ada)
    address = f"/admin/models_registry/registeredmodel/{one.model_id}/change/"
    page = text_of(as_ada.get(address))
    for words in ("v1", "v2", "v3", "Ada Admin", "The first version.", "Knows heat pumps."):
        assert words in page, words
    today = timezone.localdate().isoformat()
    answer = as_ada.get(address, {"on": today}).context["history"].answer
    assert [period.version for period in answer.periods if period.version] == ["v1", "v2"]
    long_ago = (timezone.localdate() - timedelta(days=400)).isoformat()
    before = as_ada.get(address, {"on": long_ago}).context["history"].answer
    assert [period.version for period in before.periods if period.version] == []
    for version in (one, two):
        assert (
            as_ada.get(f"/admin/models_registry/modelversion/{version.pk}/change/").status_code
            == 200
        )


def test_us_6_2_an_archived_version_is_brought_back_with_a_reason_and_everybody_is_told(
    as_ada: Client, ada: User, alice: User
) -> None:
    one, two = two_versions(ada)
    address = f"/admin/models_registry/modelversion/{one.pk}/rollback/"
    reason = {"reason": "Too many refusals since v2."}
    assert as_ada.post(address, reason).status_code == 422  # its file was not looked at yet
    Rehearsal.objects.create(
        version=one, kind="check", sha256=one.sha256, revision=one.revision,
        status="succeeded", finished_at=timezone.now(),
    )  # fmt: skip
    as_ada.post(address, reason)
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.status, two.status) == ("active", "archived")
    deployment = Deployment.objects.get(action="rollback")
    assert (deployment.version, deployment.text, deployment.by) == (one, reason["reason"], ada)
    assert deployment.started_at is not None
    assert Notification.objects.filter(kind=Kind.ROLLBACK, user=alice).count() == 1
