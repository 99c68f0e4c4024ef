"""The database part of a backup: dumped from one snapshot, restored in one transaction."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
from django.db import connection, transaction

from config.backup.errors import BackupError
from config.backup.programs import conninfo, run

# Tables that can be rebuilt at any time: the cache.
LEFT_OUT = "django_cache"
ENDING_SECONDS = 2.0


@contextmanager
def snapshot() -> Iterator[str]:
    """Export a snapshot of the database for this connection's queries and for `dump`; yield its
    name."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT pg_export_snapshot()")
        (name,) = cursor.fetchone()
        yield name


def dump(into: Path, *, snapshot: str) -> None:
    """Write the database as of the snapshot, without owners and rights, so that another role can
    restore it."""
    into.touch(mode=0o600)
    run(
        "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--no-comments",
        f"--exclude-table-data={LEFT_OUT}", f"--snapshot={snapshot}", f"--file={into}",
        f"--dbname={conninfo()}",
    )  # fmt: skip


def check(dump: Path) -> None:
    """Raise BackupError unless pg_restore can read the dump's list of contents."""
    run("pg_restore", "--list", str(dump))


def is_empty() -> bool:
    return not connection.introspection.table_names()


def others() -> int:
    """Count the connections of the database beside this process's own, which are closed first;
    connections that are closing get a moment to end."""
    connection.close()
    cast("Any", connection).close_pool()
    deadline = time.monotonic() + ENDING_SECONDS
    with psycopg.connect(conninfo(), password=connection.settings_dict["PASSWORD"]) as beside:
        while (count := _others(beside)) and time.monotonic() < deadline:
            time.sleep(0.1)
            beside.rollback()  # one transaction sees one state of this table
    return count


def _others(beside: psycopg.Connection) -> int:
    (count,) = beside.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    ).fetchone() or (0,)
    return int(count)


def clear() -> None:
    """Remove everything in the database."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")


def restore(dump: Path) -> None:
    """Restore into an empty database, in one transaction."""
    listed = run("pg_restore", "--list", str(dump)).splitlines()
    # The schema `public` exists in every database, and belongs to its owner.
    kept = [line for line in listed if " SCHEMA - public " not in line]
    chosen = dump.with_suffix(".list")
    connection.close()
    try:
        chosen.write_text("\n".join(kept))
        run(
            "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner",
            "--no-privileges", f"--use-list={chosen}", f"--dbname={conninfo()}", str(dump),
        )  # fmt: skip
    except BackupError as error:
        raise BackupError(f"{error} The database is empty; nothing was restored into it.") from None
    finally:
        chosen.unlink(missing_ok=True)
