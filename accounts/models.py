"""The tables of people and of their activity."""

from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.functional import cached_property

from accounts.invitations.models import Invitation as Invitation
from accounts.invitations.models import InvitationGroup as InvitationGroup
from accounts.managers import UserManager, folded


class NumberFormat(models.TextChoices):
    """A person's number format; each value is the decimal mark."""

    AUTOMATIC = "", "Automatic"
    POINT = ".", "1,234.5"
    COMMA = ",", "1.234,5"


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Role: user, admin (`is_staff`) or superuser.

    A service account (`is_service`) is a program: it has tokens and never signs in. Someone who
    deletes their account cannot be told anything or act until they sign in again
    (`deletion_requested_at`); 30 days later the row keeps nothing about them (`anonymised_at`)."""

    email = models.EmailField(
        "e-mail", unique=True, error_messages={"unique": "A person with this e-mail exists."}
    )
    name = models.CharField(max_length=150, blank=True)
    timezone = models.CharField(
        max_length=64, blank=True, help_text="IANA name; empty means the site's default."
    )
    number_format = models.CharField(
        max_length=1, blank=True, choices=NumberFormat, default=NumberFormat.AUTOMATIC
    )
    is_staff = models.BooleanField("admin", default=False)
    is_active = models.BooleanField("active", default=True)
    is_service = models.BooleanField("service account", default=False, db_default=False)
    joined_at = models.DateTimeField(db_default=Now(), editable=False)
    last_seen_at = models.DateTimeField("last seen", null=True, editable=False)
    deletion_requested_at = models.DateTimeField(null=True, editable=False)
    anonymised_at = models.DateTimeField(null=True, editable=False)

    objects = UserManager()

    PASSWORD_LENGTH = 4096
    """The maximum length of a password: hashing a megabyte would load the site."""

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="accounts_email_is_lower_case",
                condition=models.Q(email=Lower("email")),
            ),
            models.CheckConstraint(
                name="accounts_email_is_folded",
                condition=models.Q(
                    email=models.Func("email", template="normalize(%(expressions)s, NFKC)")
                )
                & ~models.Q(email__contains="ı"),
            ),
            models.CheckConstraint(
                name="accounts_superuser_is_admin",
                condition=models.Q(is_superuser=False) | models.Q(is_staff=True),
            ),
            models.CheckConstraint(
                name="accounts_service_is_no_admin",
                condition=models.Q(is_service=False) | models.Q(is_staff=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def role(self) -> str:
        if self.is_superuser:
            return "superuser"
        return "admin" if self.is_staff else "user"

    @property
    def status(self) -> str:
        if self.anonymised_at:
            return "deleted"
        if self.deletion_requested_at:
            return "closing"
        return "active" if self.is_active else "disabled"

    @property
    def may_publish(self) -> bool:
        """Whether its tokens may publish models: those of an admin, and those of a service account,
        which superusers alone make."""
        return self.is_staff or self.is_service

    @property
    def decimal_mark(self) -> str:
        """The decimal mark that the person writes, or "" if it is determined for each number."""
        return self.number_format

    @property
    def initials(self) -> str:
        words = (self.name or self.email).split()
        return "".join(word[0] for word in words[:2]).upper()

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone or settings.SITE_TIME_ZONE)

    def check_password(self, raw_password: str | None) -> bool:
        is_too_long = len(raw_password or "") > self.PASSWORD_LENGTH
        return not is_too_long and super().check_password(raw_password)

    def clean(self) -> None:
        super().clean()
        self.email = folded(self.email)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name or self.email


class PasswordLengthValidator:
    """The validator of a password's maximum length (AUTH_PASSWORD_VALIDATORS)."""

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) > User.PASSWORD_LENGTH:
            raise ValidationError(
                f"A password has at most {User.PASSWORD_LENGTH:,} characters.",
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        return f"Your password has at most {User.PASSWORD_LENGTH:,} characters."


class ActivityEvent(models.Model):
    """One action of a person. Append-only, a trigger refuses changes; plain text, so that it stays
    readable after its object was deleted."""

    at = models.DateTimeField(db_default=Now(), editable=False)
    actor = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.SET_NULL, related_name="activity"
    )
    actor_email = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=300, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["actor", "-at"], name="accounts_activity_actor_at")]

    def __str__(self) -> str:
        return f"{self.actor_email} {self.action} {self.target}"


class Scope(models.TextChoices):
    """What a token may do."""

    PREDICT = "predict", "Predict"
    READ = "read", "Read"
    PUBLISH = "publish", "Publish"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Tokens of people and of service accounts."""

    def valid(self) -> "ApiTokenQuerySet":
        """Return the tokens that are accepted now: those of a person who is not active are not."""
        return self.filter(
            revoked_at=None,
            expires_at__gt=Now(),
            user__is_active=True,
            user__deletion_requested_at=None,
        )


class ApiToken(models.Model):
    """A program's right to act for its account: its secret is shown once, and only the SHA-256 of
    it is kept. ``only_models`` are the slugs of the models it is for; empty, it is for all."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False)
    """The first characters of the secret, by which its owner knows it again."""
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    only_models = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name

    def allows(self, slug: str) -> bool:
        """Return whether the token is for this model, if there is one."""
        return not self.only_models or slug in self.only_models

    @property
    def may_publish(self) -> bool:
        """Whether it may publish now: the account of its scope may be no admin any more."""
        return Scope.PUBLISH in self.scopes and self.user.may_publish

    @property
    def status(self) -> str:
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at <= timezone.now() else "active"
