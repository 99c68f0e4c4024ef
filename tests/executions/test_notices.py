"""The line of a rollback notice about the person's own predictions."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from notifications.details import details_of
from notifications.models import Context, Kind, Notification
from notifications.services import notify
from tests.factories import LOAN_OUTPUTS, make_execution, make_version


def test_a_rollback_counts_the_persons_own_predictions_in_between(alice: User, bob: User) -> None:
    version = make_version(is_active=True)
    now = timezone.now()
    for user in (alice, alice, bob):
        make_execution(user=user, version=version, outputs=LOAN_OUTPUTS)
    make_execution(user=alice, outputs=LOAN_OUTPUTS)
    for hours, count in ((1, 2), (-1, 0)):
        notify(
            alice,
            kind=Kind.ROLLBACK,
            cause=f"rollback {hours}",
            title="Loan: back to v1",
            context=Context(
                previous="v2",
                previous_id=version.pk,
                used_from=now - timedelta(hours=2),
                used_to=now + timedelta(hours=hours),
            ),
        )
        details = details_of(Notification.objects.latest("pk"))
        assert details.count == count
        assert details.history_url == "/history/?q=version%3A2"


def test_a_rollback_from_nothing_counts_nothing(alice: User) -> None:
    notify(alice, kind=Kind.ROLLBACK, cause="x", title="x", context=Context(previous="v2"))
    assert details_of(Notification.objects.get()).count is None
