from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.activity import acting_from, record
from accounts.models import ActivityEvent, User
from accounts.privacy import retention
from tests.factories import PASSWORD


def event(age: timedelta) -> ActivityEvent:
    with acting_from("192.0.2.1"):
        made = record("signed in", by=None)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL activity.retention = 'on'")
        ActivityEvent.objects.filter(pk=made.pk).update(at=timezone.now() - age)
        cursor.execute("SET LOCAL activity.retention = 'off'")
    return made


@pytest.mark.parametrize(
    ("days", "address"), [(89, "192.0.2.1"), (91, None)], ids=["89 days", "91 days"]
)
def test_addresses_are_kept_90_days(days: int, address: str | None, db: None) -> None:
    made = event(timedelta(days=days))
    retention.forget()
    made.refresh_from_db()
    assert made.address == address


@pytest.mark.parametrize(("days", "is_kept"), [(729, True), (731, False)])
def test_activity_is_kept_2_years(days: int, is_kept: bool, db: None) -> None:
    event(timedelta(days=days))
    retention.forget()
    assert ActivityEvent.objects.exists() is is_kept


@pytest.mark.parametrize("change", ["update", "delete"])
def test_after_retention_the_record_is_append_only_again(change: str, alice: User) -> None:
    record("signed in", by=alice)
    retention.forget()
    rows = ActivityEvent.objects.all()
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        rows.update(action="nothing") if change == "update" else rows.delete()


def tables(where: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger JOIN pg_proc ON tgfoid = "
            f"pg_proc.oid WHERE NOT tgisinternal AND {where}"
        )
        return {table for (table,) in cursor.fetchall()}


def truncate(table: str, more: str = "") -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} {more}")


def test_every_table_that_only_grows_refuses_to_be_emptied(db: None) -> None:
    growing = tables("prosrc LIKE '%append-only%' AND tgtype & 1 = 1")  # triggers of rows
    assert growing == {
        "accounts_activityevent",
        "models_registry_deployment",
        "models_registry_revision",
        "models_registry_typeapproval",
        "monitoring_failurenote",
    }
    for table in growing:
        with pytest.raises(ProgrammingError, match=f"{table} is append-only"):
            truncate(table)


@pytest.mark.parametrize(
    "table", ["accounts_user", "models_registry_registeredmodel", "monitoring_failuregroup"]
)
def test_nor_are_they_emptied_with_what_they_belong_to(table: str, db: None) -> None:
    with pytest.raises(ProgrammingError, match="is append-only"):
        truncate(table, "CASCADE")


def test_an_expired_session_and_its_address_are_forgotten(alice: User) -> None:
    old, new = Client(), Client()
    for client in (old, new):
        client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    Session.objects.filter(session_key=old.session.session_key).update(
        expire_date=timezone.now() - timedelta(hours=1)
    )
    retention.forget()
    assert [session.session_key for session in UserSession.objects.all()] == [
        new.session.session_key
    ]
