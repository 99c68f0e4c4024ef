"""Sending of notifications: recipients and channels."""

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import BigIntegerField, Case, Exists, F, JSONField, OuterRef, Q, Value, When
from django.db.models.functions import Now

from accounts.managers import UserQuerySet
from accounts.models import User
from notifications.models import (
    Channel,
    Context,
    Kind,
    Notification,
    NotificationQuerySet,
    Preference,
)

NO_CONTEXT = Context()


def notify(
    user: User,
    *,
    kind: Kind,
    cause: str,
    title: str,
    text: str = "",
    url: str = "",
    context: Context = NO_CONTEXT,
    bundle: str = "",
) -> int:
    """Notify ``user`` once per ``cause``, on the channels they want; a second report of the same
    changes nothing. Returns the number of people notified: 1 or 0.

    Called inside the transaction that it reports, so neither exists without the other. Those
    of one ``bundle`` ("model 3 MODEL") share a mail, at most one in 15 minutes.
    """
    return _tell(
        people_for(kind).filter(pk=user.pk),
        kind=kind, cause=cause, title=title, text=text, url=url, context=context, bundle=bundle,
    )  # fmt: skip


def notify_everyone(
    *,
    kind: Kind,
    cause: str,
    title: str,
    text: str = "",
    url: str = "",
    context: Context = NO_CONTEXT,
    excluding: Collection[User] = (),
    among: UserQuerySet | None = None,
) -> int:
    """Notify every active person who wants it, or those ``among`` some, as `notify` does, in one
    statement however many they are; kinds for admins reach admins alone. Returns the number of
    people notified."""
    return _tell(
        _of(people_for(kind), among).exclude(pk__in=[user.pk for user in excluding]),
        kind=kind, cause=cause, title=title, text=text, url=url, context=context, bundle="",
    )  # fmt: skip


notify_admins = notify_everyone  # the kind decides the recipients; the name documents the call


def count_of_people(kind: Kind, among: UserQuerySet | None = None) -> int:
    """Count the recipients, or those ``among`` some: "128 people will be notified"."""
    return _of(people_for(kind), among).count()


def _of(people: UserQuerySet, among: UserQuerySet | None) -> UserQuerySet:
    return people if among is None else people.filter(pk__in=among.values("pk"))


def mark_read(notifications: NotificationQuerySet) -> int:
    """Mark these notifications read; returns how many were unread."""
    return notifications.unread().update(read_at=Now())


def dismiss(notifications: NotificationQuerySet) -> int:
    """Dismiss these announcements, and mark them read."""
    mark_read(notifications)
    return notifications.announced().update(dismissed_at=Now())


def withdraw(model_id: int) -> int:
    """Dismiss everybody's announcements about a model: what they say is true no longer."""
    return Notification.objects.announced().about_model(model_id).update(dismissed_at=Now())


def _tell(people: UserQuerySet, *, context: Context, **words: str) -> int:
    """Notify with one INSERT … SELECT, so that ten thousand people do not delay a promotion."""
    columns = {
        "user_id": F("pk"),
        "is_shown": F("is_shown"),
        "mail_due_at": Case(When(is_mailed=True, then=Now())),
        "created_at": Now(),
        "context": Value(context.to_json(), JSONField()),
        "model_id": Value(context.model_id, BigIntegerField()),
        **{name: Value(_stored(name, value)) for name, value in words.items()},
    }
    rows = people.annotate(**{f"new_{name}": column for name, column in columns.items()})
    select, values = rows.values_list(*(f"new_{name}" for name in columns)).query.sql_with_params()
    into = f"INSERT INTO {Notification._meta.db_table} ({', '.join(columns)})"
    with connection.cursor() as cursor:
        cursor.execute(f"{into} {select} ON CONFLICT DO NOTHING", values)
        return int(cursor.rowcount)


def _stored(name: str, words: str) -> str:
    """Return the text as it can be stored: shortened, since a long name must not fail the reported
    action, and without NUL."""
    length = getattr(Notification._meta.get_field(name), "max_length", None)
    return words.replace("\0", "")[:length]


def people_for(kind: Kind) -> UserQuerySet:
    """Return the people whom this kind concerns and who want it on some channel, with ``is_shown``
    (in the app) and ``is_mailed``. People with an unconfirmed address are left out if the site
    requires confirmation: they cannot sign in, and their address may be somebody else's."""
    people = User.objects.admins() if kind.is_for_admins else User.objects.people()
    if settings.REQUIRE_EMAIL_CONFIRMATION:
        people = people.filter(emailaddress__verified=True, emailaddress__primary=True)
    wanted: UserQuerySet = people.annotate(
        is_shown=_wants(kind, Channel.IN_APP), is_mailed=_wants(kind, Channel.EMAIL)
    ).filter(Q(is_shown=True) | Q(is_mailed=True))
    return wanted


def wants_mail(user: User, kind: Kind) -> bool:
    """Return whether a mail of this kind still reaches this person and is still wanted."""
    return people_for(kind).filter(_wants(kind, Channel.EMAIL), pk=user.pk).exists()


def _wants(kind: Kind, channel: Channel) -> Any:
    return ~Exists(Preference.objects.filter(user=OuterRef("pk"), kind=kind, channel=channel))
