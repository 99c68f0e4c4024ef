"""Notification preferences of a person, and the unsubscribe link of a mail."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.core import signing
from django.db import transaction
from django.urls import reverse

from accounts.activity import record
from accounts.models import User
from notifications.models import FOR_EVERYBODY, Channel, Kind, Preference

HINTS = {
    Kind.DEPLOYMENT: "Says what changed",
    Kind.ROLLBACK: "Says why",
    Kind.RETIREMENT: "Says why",
    Kind.EXECUTION_FAILED: "At most one mail in 15 minutes for the same problem",
    Kind.BATCH_FINISHED: "If they fail, it is a prediction that failed",
    Kind.FAILURE_GROUP: "An error that no prediction had before",
    Kind.REGRESSION: "On the version that should have fixed it, or a later one",
    Kind.FILE_ALTERED: "The stored file is not the one that was tested",
    Kind.MODEL_HIDDEN: "Its last group was deleted, and admins alone see it",
}
NAMES = {
    Kind.DEPLOYMENT: "deployment notices",
    Kind.ROLLBACK: "rollback notices",
    Kind.RETIREMENT: "notices about models that are not available any more",
    Kind.EXECUTION_FAILED: "notices about failed predictions",
    Kind.BATCH_FINISHED: "notices about many rows that are finished",
    Kind.MESSAGE: "messages from administrators",
    Kind.FAILURE_GROUP: "notices about new kinds of failures",
    Kind.REGRESSION: "notices about failures that are back",
    Kind.SUPPORT_REQUEST: "requests for help",
    Kind.WORKER_DOWN: "notices about workers",
    Kind.FILE_ALTERED: "notices about altered files",
    Kind.MODEL_HIDDEN: "notices about models without a group",
}
"""As in "you get this because … are on"."""

_signer = signing.Signer(salt="notifications.switch_off")


@dataclass(frozen=True)
class Choice:
    """One line of the matrix: a kind, and the channels on which it is on."""

    kind: Kind
    hint: str
    is_shown: bool
    is_mailed: bool

    @property
    def fields(self) -> tuple[tuple[str, str, bool], ...]:
        """Name, spoken label and state of each box."""
        return (
            (f"{self.kind}.{Channel.IN_APP}", f"{self.kind.label}, in the app", self.is_shown),
            (f"{self.kind}.{Channel.EMAIL}", f"{self.kind.label}, e-mail", self.is_mailed),
        )


def kinds_for(user: User) -> list[Kind]:
    return [kind for kind in Kind if user.is_staff or kind in FOR_EVERYBODY]


def choices_of(user: User) -> list[Choice]:
    off = _off(user)
    return [
        Choice(
            kind,
            HINTS.get(kind, ""),
            is_shown=(kind, Channel.IN_APP) not in off,
            is_mailed=(kind, Channel.EMAIL) not in off,
        )
        for kind in kinds_for(user)
    ]


@transaction.atomic
def choose(*, user: User, on: set[str]) -> bool:
    """Switch on exactly the boxes in ``on`` ("deployment.email"), of the kinds that concern the
    person. Returns whether anything changed."""
    User.objects.select_for_update().get(pk=user.pk)
    before = _off(user)
    mine = {(kind, channel) for kind in kinds_for(user) for channel in Channel}
    off = {(kind, channel) for kind, channel in mine if f"{kind}.{channel}" not in on}
    switched_on, switched_off = (before & mine) - off, off - before
    for kind, channel in switched_on:
        Preference.objects.filter(user=user, kind=kind, channel=channel).delete()
    Preference.objects.bulk_create(
        Preference(user=user, kind=kind, channel=channel) for kind, channel in switched_off
    )
    if not (switched_on or switched_off):
        return False
    record(
        "notifications chosen",
        by=user,
        target=user.email,
        after={"on": _texts(switched_on), "off": _texts(switched_off)},
    )
    return True


def switch_off_path(user: User, kind: str) -> str:
    """Return the address in a mail that switches off this kind by e-mail; it needs no sign-in."""
    token = _signer.sign_object([user.pk, str(kind)], compress=False)
    return reverse("notifications:switch_off", args=[token])


def read_token(token: str) -> tuple[User, Kind] | None:
    """Return the person and the kind of a link, or None if it is not ours or the person is gone."""
    try:
        pk, kind = _signer.unsign_object(token)
        return User.objects.get(pk=pk, anonymised_at=None), Kind(kind)
    except (signing.BadSignature, ValueError, User.DoesNotExist):
        return None


@transaction.atomic
def switch_off_mail(*, user: User, kind: Kind) -> None:
    """Switch off mails of this kind; repeating it changes nothing."""
    _, is_new = Preference.objects.get_or_create(user=user, kind=kind, channel=Channel.EMAIL)
    if is_new:
        record(
            "notifications chosen",
            by=user,
            target=user.email,
            after={"on": [], "off": _texts({(kind, Channel.EMAIL)})},
        )


def _off(user: User) -> set[tuple[str, str]]:
    return set(Preference.objects.filter(user=user).values_list("kind", "channel"))


def _texts(boxes: Iterable[tuple[str, str]]) -> list[str]:
    return sorted(f"{Kind(kind).label}: {Channel(channel).label}" for kind, channel in boxes)
