"""The Prefect server of the test suite. The servers that every test needs are
`config.stack.temporary`'s."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from config.stack.environment import Environment
from config.stack.servers import ports, prefect
from config.stack.supervision.console import Console
from config.stack.supervision.supervisor import Supervisor
from config.stack.temporary import SERVERS_SECONDS


@contextmanager
def prefect_server() -> Iterator[str]:
    """Run a real Prefect server on a database of its own in this run's PostgreSQL; yield its API
    URL.

    It takes about 10 s to start: ask for it in a fixture of a wide scope, and only where a test
    must see the real thing.
    """
    port = ports.choose(taken=set())
    database = f"prefect_{os.getpid()}_{port}"
    ours = os.environ["DATABASE_URL"]
    url = urlunsplit(urlsplit(ours)._replace(path=f"/{database}"))
    folder = Path(os.environ["STACK_DIR"]) / database
    (folder / "log").mkdir(parents=True)
    values = {
        **os.environ,
        "PREFECT_API_URL": f"http://{ports.LOOPBACK}:{port}/api",
        "PREFECT_API_DATABASE_CONNECTION_URL": url.replace("postgresql:", "postgresql+asyncpg:"),
    }
    prefect.make_database(url, ours)
    part = prefect.part(Environment(folder, values, frozenset()))
    supervisor = Supervisor([replace(part, after=())], console=Console(folder))
    try:
        supervisor.start(seconds=SERVERS_SECONDS)
        yield values["PREFECT_API_URL"]
    finally:
        supervisor.stop()
        prefect.drop_database(url, ours)
