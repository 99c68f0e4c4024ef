"""The table of invitations."""

from django.contrib.auth.models import Group
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from config.text.plain_text import listed


class Role(models.TextChoices):
    """What an invited person will be."""

    USER = "user", "User"
    ADMIN = "admin", "Admin"
    SUPERUSER = "superuser", "Superuser"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Invitations of every status."""

    def pending(self) -> "InvitationQuerySet":
        """Return those that were neither used nor revoked: an address has one at most."""
        return self.filter(used_at=None, revoked_at=None)

    def with_status(self, status: str) -> "InvitationQuerySet":
        """Return those whose ``status`` is this one."""
        may_invite = models.Q(
            invited_by__is_superuser=True,
            invited_by__is_active=True,
            invited_by__deletion_requested_at=None,
        )
        lasting = self.pending().filter(expires_at__gt=Now())
        known: dict[str, InvitationQuerySet] = {
            "open": lasting.filter(may_invite),
            "on hold": lasting.exclude(may_invite),
            "expired": self.pending().filter(expires_at__lte=Now()),
            "used": self.exclude(used_at=None),
            "revoked": self.filter(used_at=None).exclude(revoked_at=None),
        }
        return known[status]


class Invitation(models.Model):
    """A superuser's leave for one address to come in. Its link holds a secret that is shown once,
    and only the SHA-256 of it is kept."""

    STATUSES = ("open", "used", "expired", "revoked", "on hold")

    email = models.EmailField("e-mail")
    name = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=10, choices=Role)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, editable=False)
    used_by = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                name="accounts_one_invitation_of_an_address",
                fields=["email"],
                condition=models.Q(used_at=None, revoked_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_pending(self) -> bool:
        return self.used_at is None and self.revoked_at is None

    @property
    def status(self) -> str:
        """One of STATUSES. An invitation counts as long as whoever made it may invite: it is "on
        hold" while they may not."""
        if self.used_at:
            return "used"
        if self.revoked_at:
            return "revoked"
        if self.expires_at <= timezone.now():
            return "expired"
        by = self.invited_by
        return "open" if by and by.is_superuser and by.status == "active" else "on hold"

    @property
    def group_names(self) -> list[str]:
        """The groups that it gives, as far as there are any left."""
        return [one.group.name for one in self.groups.select_related("group") if one.group]

    @property
    def group_words(self) -> str:
        """The groups that it gives, in a sentence: "Auditors and Credit team", or ""."""
        return listed(self.group_names, "groups")


class InvitationGroup(models.Model):
    """A group that an invitation gives. Where the group was deleted since, its name stays."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="groups")
    group = models.ForeignKey(Group, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=150)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                name="accounts_group_of_an_invitation", fields=["invitation", "group"]
            )
        ]

    def __str__(self) -> str:
        return self.group.name if self.group else f"{self.name} (deleted since)"
