"""The manager of people: queries and creation."""

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import BaseUserManager
from django.db import models, transaction

if TYPE_CHECKING:
    from accounts.models import User

# Invisible: format characters (in `folded`), joiners, variation selectors, Hangul fillers.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f]")


def folded(email: str) -> str:
    """Normalise an address: it is stored, looked up and mailed in this form.

    Addresses that look alike, or that a mail server takes for the same, are one: `uſer@`, `USER@`,
    full-width letters, a dotless i. Folding what is folded changes nothing
    (https://www.unicode.org/reports/tr36/#Recommendations_General)."""
    text = unicodedata.normalize("NFKC", email.strip()).casefold()
    text = "".join(mark for mark in text if unicodedata.category(mark) != "Cf")
    text = _INVISIBLE.sub("", text).replace("ı", "i").replace("i\u0307", "i").replace("。", ".")
    text = unicodedata.normalize("NFKC", text).lower()
    return text if text == email else folded(text)


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> "UserQuerySet":
        """Return the people who can act: neither disabled nor closing their account."""
        return self.filter(is_active=True, deletion_requested_at=None)

    def people(self) -> "UserQuerySet":
        """Return the active people: service accounts are programs."""
        return self.active().filter(is_service=False)

    def admins(self) -> "UserQuerySet":
        """Return the admins and superusers who can still sign in."""
        return self.active().filter(is_staff=True)

    def superusers(self) -> "UserQuerySet":
        return self.active().filter(is_superuser=True)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """People by e-mail, which is stored folded."""

    def get_by_natural_key(self, email: str | None) -> "User":
        user: User = self.get(email=folded(email or ""))
        return user

    @transaction.atomic
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a person whose address counts as confirmed, by an invitation or a command."""
        from allauth.account.models import EmailAddress  # needs the user model first

        user: User = self.model(email=folded(email), **fields)
        user.set_password(password)
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
