"""How people are found and made."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import BaseUserManager
from django.db import models, transaction

if TYPE_CHECKING:
    from accounts.models import User


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> "UserQuerySet":
        """People who can act: neither disabled nor closing their account."""
        return self.filter(is_active=True, deletion_requested_at=None)

    def admins(self) -> "UserQuerySet":
        """Admins and superusers who can still sign in."""
        return self.active().filter(is_staff=True)

    def superusers(self) -> "UserQuerySet":
        return self.active().filter(is_superuser=True)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """People by e-mail, which is stored lower-case."""

    def get_by_natural_key(self, email: str | None) -> "User":
        user: User = self.get(email=(email or "").lower())
        return user

    @transaction.atomic
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person whose address counts as confirmed: commands and tests vouch for it."""
        from allauth.account.models import EmailAddress  # needs the user model first

        user: User = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
