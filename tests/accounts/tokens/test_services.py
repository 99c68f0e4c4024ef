"""Tokens: what is kept of them, who may make them, and when they end."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as people
from accounts.errors import (
    NotAPublisher,
    NotAService,
    NotSuperuser,
    SecondFactorNeeded,
    ServiceAccount,
    TooManyTokens,
)
from accounts.models import ActivityEvent, ApiToken, User
from accounts.privacy.own_account import close_account
from accounts.privacy.personal_data import erase, everything
from accounts.tokens import services
from accounts.tokens.services import accepted, make_service_account, make_token, revoke_token
from notifications.models import Kind
from notifications.services import people_for


def make(user: User, **asked: Any) -> tuple[ApiToken, str]:
    defaults: dict[str, Any] = {"by": user, "name": "Laptop", "scopes": ["read"]}
    return make_token(user=user, **defaults | asked)


def test_only_the_digest_of_a_secret_is_kept(alice: User) -> None:
    token, secret = make(alice)

    row = ApiToken.objects.values().get()
    assert secret.startswith("plb_")
    assert row["digest"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(row)
    assert secret not in str(list(ActivityEvent.objects.values()))
    assert round((token.expires_at - token.created_at) / timedelta(days=1)) == 90


def test_a_token_is_found_by_its_secret_alone(alice: User) -> None:
    token, secret = make(alice)

    assert accepted(secret) == token
    for other in ("", "plb_", token.hint, token.digest, secret[:-1], f"{secret} ", "plb_\ud800\0"):
        assert accepted(other) is None


def test_a_token_is_accepted_by_one_query_and_its_use_noted_once_a_minute(alice: User) -> None:
    _, secret = make(alice)

    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            accepted(secret)
        counts.append(len(queries))
    assert counts == [2, 1]
    assert ApiToken.objects.get().last_used_at is not None
    ApiToken.objects.update(last_used_at=timezone.now() - services.USED_EVERY)
    with CaptureQueriesContext(connection) as queries:
        accepted(secret)
    assert len(queries) == 2


def test_a_revoked_token_ends_at_once(alice: User) -> None:
    token, secret = make(alice)

    assert revoke_token(token=token, by=alice)
    assert accepted(secret) is None
    assert not revoke_token(token=token, by=alice)
    actions = ["API token revoked", "API token made"]
    assert list(alice.activity.values_list("action", flat=True)) == actions


def test_an_expired_token_is_not_accepted(alice: User) -> None:
    _, secret = make(alice)
    ApiToken.objects.update(expires_at=timezone.now())

    assert accepted(secret) is None


def test_the_tokens_of_a_disabled_person_end_at_once_and_come_back_with_them(
    alice: User, root: User
) -> None:
    _, secret = make(alice)

    people.deactivate(user=alice, by=root)
    assert accepted(secret) is None
    people.reactivate(user=alice, by=root)
    assert accepted(secret) is not None


def test_the_tokens_of_an_account_that_is_closed_end_at_once(alice: User) -> None:
    _, secret = make(alice)

    close_account(user=alice)

    assert accepted(secret) is None


def test_nobody_makes_or_revokes_a_token_of_another_person(alice: User, bob: User) -> None:
    token, _ = make(alice)

    with pytest.raises(NotAService):
        make(alice, by=bob)
    with pytest.raises(NotSuperuser):
        revoke_token(token=token, by=bob)


def test_an_account_has_a_limited_number_of_valid_tokens(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_TOKENS", 1)
    token, _ = make(alice)

    with pytest.raises(TooManyTokens):
        make(alice)
    revoke_token(token=token, by=alice)
    make(alice)


def test_a_superuser_makes_an_account_for_a_program_and_its_tokens(root: User, ada: User) -> None:
    account = make_service_account(name="Nightly scoring", by=root)

    _, secret = make(account, by=root)
    token = accepted(secret)
    assert token is not None
    assert token.user == account
    with pytest.raises(NotSuperuser):
        make_service_account(name="Another", by=ada)
    with pytest.raises(NotSuperuser):
        make(account, by=ada)


def test_an_admin_without_the_second_factor_that_the_site_asks_for_makes_no_token_that_publishes(
    ada: User, root: User, settings: Any
) -> None:
    settings.REQUIRE_ADMIN_SECOND_FACTOR = True
    with pytest.raises(SecondFactorNeeded):
        make(ada, scopes=["predict", "publish"])
    make(ada, scopes=["predict"])
    make(make_service_account(name="Nightly", by=root), scopes=["publish"], by=root)
    TOTP.activate(ada, "A" * 32)
    make(ada, scopes=["publish"])


def test_only_an_admin_has_tokens_that_publish_and_only_as_long_as_they_are_one(
    alice: User, ada: User, root: User
) -> None:
    with pytest.raises(NotAPublisher):
        make(alice, scopes=["publish"])
    _, secret = make(ada, scopes=["publish"])

    token = accepted(secret)
    assert token is not None
    assert token.may_publish
    people.revoke_admin(user=ada, by=root)
    token = accepted(secret)
    assert token is not None
    assert not token.may_publish


def test_a_service_account_publishes_only_by_a_token_that_a_superuser_made_for_it(
    root: User, ada: User
) -> None:
    account = make_service_account(name="Nightly training", by=root)
    reading, _ = make(account, by=root)
    publishing, _ = make(account, by=root, scopes=["publish"])

    assert (reading.may_publish, publishing.may_publish) == (False, True)
    assert not account.is_staff
    with pytest.raises(NotSuperuser):
        make(account, by=ada, scopes=["publish"])


def test_nobody_signs_in_as_a_service_account(root: User) -> None:
    account = make_service_account(name="Nightly scoring", by=root)
    account.set_password("correct horse battery")
    account.save()
    client = Client()

    form = {"login": account.email, "password": "correct horse battery"}
    client.post("/accounts/login/", form)
    assert client.get("/accounts/profile/").status_code == 302
    client.force_login(account)
    assert client.get("/accounts/profile/").status_code == 302


def test_a_service_account_has_no_role_and_no_password(root: User) -> None:
    account = make_service_account(name="Nightly scoring", by=root)

    with pytest.raises(ServiceAccount):
        people.grant_admin(user=account, by=root)
    with pytest.raises(ServiceAccount):
        people.send_password_reset(user=account, by=root)
    assert account not in people_for(Kind.DEPLOYMENT)


def test_a_persons_tokens_are_part_of_their_data_and_go_with_it(alice: User) -> None:
    token, secret = make(alice)

    assert [row["hint"] for row in everything(alice)["api_tokens"]] == [token.hint]
    assert secret not in str(everything(alice))
    erase(alice)
    assert not ApiToken.objects.exists()
