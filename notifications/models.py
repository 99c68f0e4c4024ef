"""The tables of notifications and of the mail outbox."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User
from model_host.protocol.codec import stored, to_json
from notifications import hidden_models


class Channel(models.TextChoices):
    """A channel of notifications."""

    IN_APP = "in_app", "In the app"
    EMAIL = "email", "E-mail"


class Kind(models.TextChoices):
    """A kind of notification."""

    DEPLOYMENT = "deployment", "A new version is deployed"
    ROLLBACK = "rollback", "A version is rolled back"
    RETIREMENT = "retirement", "A model is not available any more"
    EXECUTION_FAILED = "execution_failed", "My prediction failed"
    BATCH_FINISHED = "batch_finished", "My many rows are finished"
    MESSAGE = "message", "An administrator writes to me"
    FAILURE_GROUP = "failure_group", "A new kind of failure appears"
    REGRESSION = "regression", "A resolved failure is back"
    SUPPORT_REQUEST = "support_request", "Somebody asks for help"
    WORKER_DOWN = "worker_down", "A worker is down"
    FILE_ALTERED = "file_altered", "A model file was altered"
    MODEL_HIDDEN = "model_hidden", "A model has no group any more"

    @property
    def is_for_admins(self) -> bool:
        return self not in FOR_EVERYBODY

    @property
    def is_bad_news(self) -> bool:
        return self not in (
            *ANNOUNCED,
            Kind.BATCH_FINISHED,
            Kind.MESSAGE,
            Kind.SUPPORT_REQUEST,
        )


FOR_EVERYBODY = (
    Kind.DEPLOYMENT,
    Kind.ROLLBACK,
    Kind.RETIREMENT,
    Kind.EXECUTION_FAILED,
    Kind.BATCH_FINISHED,
    Kind.MESSAGE,
)
ANNOUNCED = (Kind.DEPLOYMENT, Kind.ROLLBACK)
"""The kinds that are also shown above the models' pages until the person dismisses them."""


@dataclass(frozen=True)
class Context:
    """The variables of a notification's mail and pages beside title and text. Every kind fills some
    of them; the others are not stored. ``used_from`` and ``used_to`` (``from`` and ``to`` in JSON)
    are the time for which the version was live that a rollback replaced. ``count`` and
    ``history_url`` are never stored (`notifications/details.py`)."""

    model: str = ""
    model_id: int | None = None
    version: str = ""
    previous: str = ""
    previous_id: int | None = None
    description: str = ""
    changes: str = ""
    reason: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    deployed_at: datetime | None = None
    requested_at: datetime | None = None
    at: datetime | None = None
    used_from: datetime | None = None
    used_to: datetime | None = None
    since: datetime | None = None
    waiting: int | None = None
    reply_to: str = ""
    links: tuple[tuple[str, str], ...] = ()
    count: int | None = None
    history_url: str = ""

    @classmethod
    def stored(cls, kept: Mapping[str, Any]) -> "Context":
        """Return the context that ``to_json`` wrote, in whatever version of this product."""
        names = {key: name for name, key in _CONTEXT_KEYS.items()}
        given = {names.get(key, key): value for key, value in kept.items() if value is not None}
        return stored(cls, given)

    def to_json(self) -> dict[str, Any]:
        given = {name: value for name, value in vars(self).items() if value not in (None, "", ())}
        return {_CONTEXT_KEYS.get(name, name): to_json(value) for name, value in given.items()}


_CONTEXT_KEYS = {"used_from": "from", "used_to": "to"}


class NotificationQuerySet(models.QuerySet["Notification"]):
    def shown_to(self, user: User) -> "NotificationQuerySet":
        """Return the notifications that the person reads in the app."""
        return self.seen_by(user).filter(is_shown=True)

    def seen_by(self, user: User) -> "NotificationQuerySet":
        """Return the person's notifications, but those about models that are hidden from them."""
        return self.filter(user=user).exclude(model_id__in=hidden_models.hidden_from(user))

    def unread(self) -> "NotificationQuerySet":
        return self.filter(is_shown=True, read_at=None)

    def announced(self) -> "NotificationQuerySet":
        """Return announcements about models that the person has not dismissed."""
        return self.filter(is_shown=True, kind__in=ANNOUNCED, dismissed_at=None)

    def about_model(self, model_id: int) -> "NotificationQuerySet":
        return self.filter(model_id=model_id)

    def due_by_mail(self) -> "NotificationQuerySet":
        """Return those wanted by e-mail, not yet written, and not held back for a bundle."""
        return self.filter(mailed_at=None, mail_due_at__lte=Now())


class Notification(models.Model):
    """One message to one person. `cause` names its cause in plain text, so that the same event is
    notified once however often it is reported. The row is also the order for its mail: it waits
    from `mail_due_at` on until `mailed_at`; those of one `bundle` share a mail."""

    Kind = Kind

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notifications",
        db_index=False,  # the indexes below begin with the person
    )
    kind = models.CharField(max_length=40, choices=Kind)
    cause = models.CharField(max_length=120)
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    url = models.CharField(max_length=300, blank=True)
    context = models.JSONField(default=dict, blank=True)
    model_id = models.BigIntegerField("model", null=True, blank=True, editable=False)
    """The model that it is about: its key alone, as models are of a higher app."""
    bundle = models.CharField(max_length=120, blank=True)
    is_shown = models.BooleanField("in the app", default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)
    dismissed_at = models.DateTimeField(null=True, blank=True, editable=False)
    mail_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    mailed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cause", "kind", "user"], name="notifications_once_per_cause_and_person"
            )
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="notifications_of_a_person"),
            models.Index(
                fields=["user", "-id"],
                condition=Q(is_shown=True, read_at=None),
                include=["model_id"],
                name="notifications_unread",
            ),
            models.Index(
                fields=["mail_due_at"],
                condition=Q(mailed_at=None, mail_due_at__isnull=False),
                name="notifications_due_by_mail",
            ),
            models.Index(
                fields=["user", "bundle", "-mailed_at"],
                condition=~Q(bundle=""),
                name="notifications_bundle",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def read_context(self) -> Context:
        return Context.stored(self.context)

    @property
    def is_unread(self) -> bool:
        return self.read_at is None

    @property
    def is_bad_news(self) -> bool:
        return Kind(self.kind).is_bad_news


class Preference(models.Model):
    """One kind on one channel that a person switched off. Without a row it is on."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="switched_off"
    )
    kind = models.CharField(max_length=40, choices=Kind)
    channel = models.CharField(max_length=10, choices=Channel)

    class Meta:
        ordering = ["kind", "channel"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "channel"], name="notifications_switched_off_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.channel} off"


class MailQuerySet(models.QuerySet["Mail"]):
    def waiting(self) -> "MailQuerySet":
        """Return the mails that were neither sent nor given up."""
        return self.filter(sent_at=None, given_up_at=None)

    def due(self) -> "MailQuerySet":
        return self.waiting().filter(next_try_at__lte=Now())


class Mail(models.Model):
    """One mail of the product: the mail is sent from its row, so an unreachable mail server loses
    nothing and delays nobody. Its text is deleted once it is sent, and that of an account mail once
    it is given up: it contains links that open accounts. An optional mail (with an unsubscribe
    link) keeps its text then, so that it can be sent again.

    ``notification_id`` is what it tells. One about a model that is hidden from its person is not
    sent, whenever they left the model's group."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sender = models.CharField(max_length=320)
    recipients = models.JSONField()
    subject = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    is_optional = models.BooleanField("notice", default=False)
    notification_id = models.BigIntegerField("notification", null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(db_default=Now())
    last_error = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="notifications_mail_has_one_end",
                condition=Q(sent_at=None) | Q(given_up_at=None),
            )
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(sent_at=None, given_up_at=None),
                name="notifications_mail_waiting",
            )
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def status(self) -> str:
        if self.sent_at:
            return "sent"
        return "given up" if self.given_up_at else "waiting"

    @property
    def is_hidden(self) -> bool:
        """Whether it tells a notification that its person may not see now, or that is gone."""
        if self.notification_id is None:
            return False
        told = Notification.objects.filter(pk=self.notification_id).select_related("user").first()
        return (
            told is None or not Notification.objects.seen_by(told.user).filter(pk=told.pk).exists()
        )

    @property
    def can_be_sent_again(self) -> bool:
        return self.is_optional and self.given_up_at is not None and not self.is_hidden
