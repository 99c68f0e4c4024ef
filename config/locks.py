"""PostgreSQL advisory locks that let one process through at a time."""

from django.db import connection


def is_only_one(key: int) -> bool:
    """Try to take the lock ``key`` for this transaction, and return whether it has it; never
    waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        return bool(cursor.fetchone()[0])
