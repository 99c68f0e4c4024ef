"""Sessions: one query reads them with their person, and "last seen" is written once a minute."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User

PAGE = "/accounts/profile/"


def put_back(seconds: int) -> UserSession:
    """Make the one session look as if it had been seen so long ago."""
    seen = UserSession.objects.get()
    seen.last_seen_at = timezone.now() - timedelta(seconds=seconds)
    seen.save()
    return seen


def test_a_page_within_the_minute_writes_nothing(as_alice: Client) -> None:
    as_alice.get(PAGE)
    before = put_back(30).last_seen_at
    with CaptureQueriesContext(connection) as queries:
        as_alice.get(PAGE)
    assert not [one["sql"] for one in queries if not one["sql"].startswith("SELECT")]
    assert UserSession.objects.get().last_seen_at == before


def test_a_page_after_a_minute_notes_that_the_session_was_seen(as_alice: Client) -> None:
    as_alice.get(PAGE)
    before = put_back(61).last_seen_at
    as_alice.get(PAGE)
    assert UserSession.objects.get().last_seen_at > before + timedelta(seconds=60)


@pytest.mark.parametrize("extra", [{"REMOTE_ADDR": "203.0.113.9"}, {"HTTP_USER_AGENT": "Firefox"}])
def test_another_address_or_browser_is_noted_at_once(
    as_alice: Client, extra: dict[str, str]
) -> None:
    as_alice.get(PAGE)
    as_alice.get(PAGE, **extra)  # type: ignore[arg-type]
    seen = UserSession.objects.get()
    assert set(extra.values()) <= {seen.ip, seen.user_agent}


def test_the_session_and_its_person_are_one_query(as_alice: Client) -> None:
    as_alice.get(PAGE)
    with CaptureQueriesContext(connection) as queries:
        as_alice.get(PAGE)
    about = ('FROM "django_session"', 'FROM "usersessions_usersession"', 'FROM "accounts_user"')
    assert len([one for one in queries if any(table in one["sql"] for table in about)]) == 1


@pytest.mark.parametrize(
    "end",
    [
        lambda alice: User.objects.filter(pk=alice.pk).update(is_active=False),
        lambda alice: User.objects.filter(pk=alice.pk).update(password="another"),
        lambda alice: Session.objects.update(expire_date=timezone.now()),
        lambda alice: Session.objects.all().delete(),
        lambda alice: Session.objects.update(session_data="not what the site wrote"),
    ],
    ids=["disabled", "another password", "expired", "ended", "altered"],
)
def test_a_session_that_is_no_longer_good_signs_nobody_in(
    as_alice: Client, alice: User, end: Callable[[User], object]
) -> None:
    assert as_alice.get(PAGE).status_code == 200
    end(alice)
    assert as_alice.get(PAGE).status_code == 302


def test_a_session_of_one_person_is_never_anothers(as_alice: Client, bob: User) -> None:
    as_alice.get(PAGE)
    UserSession.objects.update(user=bob)
    assert "alice@example.com" in as_alice.get(PAGE).content.decode()
    assert UserSession.objects.get().user.email == "alice@example.com"
