"""PostgreSQL advisory locks that let one process through at a time."""

from django.db import connection


def is_only_one(key: int) -> bool:
    """Whether this transaction is the one at work under ``key``, until it ends; never waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        return bool(cursor.fetchone()[0])
