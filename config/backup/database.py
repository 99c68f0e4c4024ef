"""The database's half: dumped from one snapshot, restored in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, transaction

from config.backup.errors import BackupError
from config.backup.programs import conninfo, run

# What others may find again at any time: the cache.
LEFT_OUT = "django_cache"


@contextmanager
def snapshot() -> Iterator[str]:
    """One state of the database, for this connection's queries and for `dump`; yields its name."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT pg_export_snapshot()")
        (name,) = cursor.fetchone()
        yield name


def dump(into: Path, *, snapshot: str) -> None:
    """Write the database as it stood at the snapshot, without owners and rights: it can be restored
    for another role."""
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
    """How many other connections the database has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def clear() -> None:
    """Remove everything in the database."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")


def restore(dump: Path) -> None:
    """Fill an empty database, wholly or not at all."""
    listed = run("pg_restore", "--list", str(dump)).splitlines()
    # The schema `public` is there in every database, and belongs to its owner.
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
