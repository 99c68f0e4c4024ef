"""The Prefect server that tests ask for."""

import os
from urllib.request import urlopen

import psycopg

from tests.servers import prefect_server


def test_a_real_prefect_server_can_be_had_and_leaves_no_database() -> None:
    before = databases()
    with prefect_server() as api_url:
        with urlopen(f"{api_url}/health") as answer:
            assert answer.read() == b"true"
        with urlopen(api_url.removesuffix("/api")) as page:
            assert page.status == 200
        assert len(databases()) == len(before) + 1
    assert databases() == before


def databases() -> set[str]:
    """The databases of Prefect servers that this process asked for."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        query = "SELECT datname FROM pg_database WHERE datname LIKE %s"
        return {name for (name,) in connection.execute(query, [f"prefect_{os.getpid()}_%"])}
