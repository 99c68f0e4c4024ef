"""The embedded Prefect server: its API and pages on the loopback interface, its data in PostgreSQL.

Every account of the machine reaches the loopback interface, and so does every page that a browser
on it opens: the API asks for a password, and lets no page of another origin read an answer.

Its consumers of events are off: nothing here reads events, and without them a run costs the API
process about 15 % less. States and logs are kept without them.
"""

import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from config.stack.environment import Environment
from config.stack.errors import NotHealthyError, StackError
from config.stack.servers import ports
from config.stack.supervision.parts import Part

# For every process that uses Prefect: nothing is reported, nothing is started on the side.
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
}
LEAN = {
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_EVENT_LOGGER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED": "false",
    "PREFECT_SERVER_EVENTS_STREAM_OUT_ENABLED": "false",
    "PREFECT_SERVER_LOGS_STREAM_OUT_ENABLED": "false",
}
SERVER = Path(__file__).resolve().parents[3] / "deploy" / "prefect_server.py"


def check(api_url: str) -> None:
    """Raise NotHealthyError unless the API says that it is healthy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{api_url.rstrip('/')}/health", timeout=2) as answer:
            healthy = answer.status == 200
    except urllib.error.HTTPError as error:
        raise NotHealthyError(f"/health answers {error.code}") from None
    except (OSError, ValueError) as error:  # ValueError: no URL
        raise NotHealthyError(str(getattr(error, "reason", error))) from None
    if not healthy:
        raise NotHealthyError(f"/health answers {answer.status}")


def plain(url: str) -> str:
    """Return a database URL without the driver that SQLAlchemy wants in it."""
    return urlunsplit(urlsplit(url)._replace(scheme="postgresql"))


def database_url(environment: Environment) -> str:
    """Return the server's database: the one that is named, else `<ours>_prefect` on the same
    server."""
    if named := environment.values.get("PREFECT_API_DATABASE_CONNECTION_URL"):
        return named
    ours = urlsplit(environment["DATABASE_URL"])
    return urlunsplit(ours._replace(scheme="postgresql+asyncpg", path=f"{ours.path}_prefect"))


def make_database(url: str, beside: str) -> None:
    """Create the server's database where it is missing, through the one `beside` it."""
    import psycopg
    from psycopg import sql

    name = urlsplit(url).path.lstrip("/")
    try:
        with psycopg.connect(plain(beside), connect_timeout=5, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if known.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise StackError(
            f"The database {name} for Prefect could not be made: {str(error).strip()}. Create it, "
            "or set PREFECT_API_DATABASE_CONNECTION_URL or PREFECT_API_URL."
        ) from None


def drop_database(url: str, beside: str) -> None:
    """Drop a server's database, even while others are connected to it.

    Not by FORCE, which fails while PostgreSQL vacuums there: only its superuser may end that. It
    ends its own vacuum for a plain drop.
    """
    import psycopg
    from psycopg import sql

    name = urlsplit(url).path.lstrip("/")
    with psycopg.connect(plain(beside), connect_timeout=5, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND usename = current_user",
            [name],
        )
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def part(environment: Environment, *, name: str = "prefect") -> Part:
    """Return the server on its loopback port, or the person's own where PREFECT_API_URL is set."""
    api_url = environment["PREFECT_API_URL"]
    if "prefect" in environment.own:
        return Part(name, address=api_url, check=lambda: check(api_url))
    port = str(urlsplit(api_url).port)
    address = api_url.removesuffix("/api")
    database = database_url(environment)
    folder = environment.folder / "prefect"

    def prepare() -> None:
        if "PREFECT_API_DATABASE_CONNECTION_URL" not in environment.values:
            make_database(database, environment["DATABASE_URL"])

    return Part(
        name,
        argv=(
            sys.executable, str(SERVER), "server", "start",
            "--host", ports.LOOPBACK, "--port", port,
        ),
        address=address,
        after=("postgres",),
        environment={
            **QUIET,
            **LEAN,
            "PREFECT_HOME": str(folder),
            "PREFECT_API_URL": api_url,
            "PREFECT_SERVER_API_AUTH_STRING": environment["PREFECT_API_AUTH_STRING"],
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": address,
            "PREFECT_API_DATABASE_CONNECTION_URL": database,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
            "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "ui"),
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
            "PREFECT_LOGGING_LEVEL": "WARNING",
        },
        prepare=prepare,
        check=lambda: check(api_url),
    )  # fmt: skip
