"""Operations on tokens: make one, revoke one, accept one, and make a service account.

A secret has 256 random bits, so its SHA-256 needs neither salt nor a slow hash, and a look-up by
the digest tells a clock nothing about the secret.
"""

import base64
import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.activity import record
from accounts.errors import (
    NameTaken,
    NotActive,
    NotAPublisher,
    NotAService,
    NotSuperuser,
    SecondFactorNeeded,
    TooManyTokens,
)
from accounts.models import ApiToken, Scope, User
from accounts.sign_in.second_factor import lacks_second_factor

PREFIX = "plb_"
DEFAULT_DAYS, LONGEST_DAYS = 90, 366
MOST_TOKENS = 50
"""Valid tokens of one account."""
USED_EVERY = timedelta(minutes=1)
"""The resolution of "last used"."""
SERVICE_DOMAIN = "service.invalid"
"""Nobody receives mail there (RFC 2606)."""


@transaction.atomic
def make_token(
    *,
    user: User,
    name: str,
    scopes: Collection[Scope | str],
    by: User,
    only_models: Sequence[str] = (),
    days: int = DEFAULT_DAYS,
) -> tuple[ApiToken, str]:
    """Make a token for ``user`` and return it with its secret, which is shown once and not kept.

    ``only_models`` are slugs; empty, it is for all models. Raises NotActive, NotAService for
    another person's account, NotSuperuser for a service account's, NotAPublisher where it shall
    publish for somebody who is no admin, SecondFactorNeeded for an admin without the one that the
    site asks for, and TooManyTokens.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if user.status != "active" or by.status != "active":
        raise NotActive
    if user.pk != by.pk and not user.is_service:
        raise NotAService
    if user.is_service and not by.is_superuser:
        raise NotSuperuser
    if Scope.PUBLISH in scopes and not user.may_publish:
        raise NotAPublisher
    if Scope.PUBLISH in scopes and lacks_second_factor(user):
        raise SecondFactorNeeded
    if not scopes or not set(scopes) <= set(Scope.values) or not 1 <= days <= LONGEST_DAYS:
        raise ValueError("a token has known scopes and a lifetime")
    if user.api_tokens.valid().count() >= MOST_TOKENS:
        raise TooManyTokens
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        digest=digest_of(secret),
        hint=secret[: len(PREFIX) + 4],
        scopes=[scope for scope in Scope.values if scope in scopes],
        only_models=list(only_models),
        expires_at=timezone.now() + timedelta(days=days),
        created_by=by,
    )
    record(
        "API token made",
        by=by,
        target=name,
        after={
            "account": user.email,
            "token": token.hint,
            "scopes": token.scopes,
            "models": token.only_models,
            "days": days,
        },
    )
    return token, secret


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User) -> bool:
    """End a token at once, one's own or, as a superuser, anybody's; False where it had ended.
    Raises NotSuperuser."""
    if token.user_id != by.pk and not (by.status == "active" and by.is_superuser):
        raise NotSuperuser
    own = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
    if not own.update(revoked_at=timezone.now()):
        return False
    after = {"account": token.user.email, "token": token.hint}
    record("API token revoked", by=by, target=token.name, after=after)
    return True


@transaction.atomic
def make_service_account(*, name: str, by: User) -> User:
    """Make an account for a program: it has no password and no mailbox, and never signs in.
    Raises NotSuperuser and NameTaken."""
    if by.status != "active" or not by.is_superuser:
        raise NotSuperuser
    email = f"{slugify(name) or 'service'}@{SERVICE_DOMAIN}"
    account = User(email=email, name=name, is_service=True)
    account.set_unusable_password()
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError:
        raise NameTaken from None
    record("service account made", by=by, target=email)
    return account


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def accepted(secret: str) -> ApiToken | None:
    """Return the valid token with this secret, with its account, by one query; None if there is
    none. Notes that it was used, once a minute."""
    if not secret.startswith(PREFIX):
        return None
    valid = ApiToken.objects.valid().select_related("user")
    token: ApiToken | None = valid.filter(digest=digest_of(secret)).first()
    if token is None:
        return None
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def bearer(header: str) -> str:
    """Return the secret of an Authorization header; "" where it names none. It may be the password
    of HTTP Basic, for clients that know nothing else."""
    kind, _, secret = header.strip().partition(" ")
    if kind.lower() == "basic":
        try:
            return base64.b64decode(secret, validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
    return secret.strip() if kind.lower() == "bearer" else ""
