"""Notification of one person, everybody, or the admins: once each, on the channels they want."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from notifications.models import Channel, Context, Kind, Notification, Preference
from notifications.services import (
    count_of_people,
    mark_read,
    notify,
    notify_admins,
    notify_everyone,
)
from tests.factories import make_user


def announce(**changes: Any) -> int:
    words = {
        "kind": Kind.DEPLOYMENT,
        "cause": "deployment 1",
        "title": "New model available: Loans",
    }
    return notify_everyone(**words | changes)


def test_the_same_thing_is_told_once_however_often_it_is_reported(alice: User) -> None:
    told = [notify(alice, kind=Kind.MESSAGE, cause="note 1", title="Hello") for _ in range(2)]
    assert told == [1, 0]
    assert Notification.objects.get().title == "Hello"


def test_everybody_active_is_told_once(alice: User, bob: User, ada: User) -> None:
    make_user(is_active=False)
    assert (announce(), announce()) == (3, 0)
    assert Notification.objects.filter(is_shown=True, mail_due_at__isnull=False).count() == 3


def test_ten_times_the_people_cost_the_same_number_of_queries(alice: User) -> None:
    costs = []
    for cause in ("one", "more"):
        with CaptureQueriesContext(connection) as queries:
            announce(cause=cause)
        costs.append(len(queries))
        for _ in range(10):
            make_user()
    assert costs == [1, 1]


def test_who_is_left_out_is_not_told(alice: User, bob: User) -> None:
    announce(excluding=[bob])
    assert Notification.objects.get().user == alice


def test_news_for_admins_reaches_admins_alone(alice: User, ada: User, root: User) -> None:
    assert notify_admins(kind=Kind.WORKER_DOWN, cause="worker", title="A worker is down") == 2


@pytest.mark.parametrize(
    ("channel", "is_shown", "is_mailed"),
    [(Channel.IN_APP, False, True), (Channel.EMAIL, True, False)],
)
def test_a_channel_that_is_off_stays_silent(
    alice: User, channel: Channel, is_shown: bool, is_mailed: bool
) -> None:
    Preference.objects.create(user=alice, kind=Kind.DEPLOYMENT, channel=channel)
    announce()
    notification = Notification.objects.get()
    assert notification.is_shown is is_shown
    assert (notification.mail_due_at is not None) is is_mailed


def test_who_wants_neither_is_not_told_and_not_counted(alice: User, bob: User) -> None:
    for channel in Channel:
        Preference.objects.create(user=alice, kind=Kind.DEPLOYMENT, channel=channel)
    assert count_of_people(Kind.DEPLOYMENT) == 1
    assert announce() == 1
    assert count_of_people(Kind.ROLLBACK) == 2


@pytest.mark.parametrize(("is_asked", "told"), [(True, 0), (False, 1)])
def test_an_address_nobody_confirmed_is_told_nothing_where_the_site_asks_for_it(
    alice: User, settings: Any, is_asked: bool, told: int
) -> None:
    settings.REQUIRE_EMAIL_CONFIRMATION = is_asked
    EmailAddress.objects.update(verified=False)
    assert announce() == told


def test_words_too_long_or_hostile_never_fail_what_they_tell_of(alice: User) -> None:
    announce(title="%s\0" + "ß" * 400, text="'); DROP TABLE --", context=Context(model="%(x)s <b>"))
    notification = Notification.objects.get()
    assert notification.title == "%s" + "ß" * 298
    assert notification.context == {"model": "%(x)s <b>"}


def test_reading_counts_only_what_was_unread(alice: User) -> None:
    announce()
    assert [mark_read(Notification.objects.shown_to(alice)) for _ in range(2)] == [1, 0]


def test_a_context_is_stored_without_what_is_empty_and_read_again(alice: User) -> None:
    began = timezone.now()
    context = Context(model="Loans", added=("Age",), used_from=began, links=(("Open", "/"),))

    notify(alice, kind=Kind.ROLLBACK, cause="x", title="x", context=context)

    row = Notification.objects.get()
    links = [["Open", "/"]]
    stored = {"model": "Loans", "added": ["Age"], "from": began.isoformat(), "links": links}
    assert row.context == stored
    assert row.read_context() == context


def test_what_an_earlier_version_stored_as_null_or_under_another_name_is_empty() -> None:
    assert Context.stored({"previous": None, "of_yesterday": 1}) == Context()
