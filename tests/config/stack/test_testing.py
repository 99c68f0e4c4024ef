"""The servers that tests run against."""

import os
from pathlib import Path
from urllib.request import urlopen

import psycopg

from config.stack.environment import REPOSITORY
from config.stack.servers import postgres, redis, s3
from config.stack.testing import prefect_server, servers


def test_this_run_has_servers_of_its_own() -> None:
    runs = REPOSITORY / ".stack" / "test"
    assert Path(os.environ["STACK_DIR"]).parent == runs
    postgres.check(os.environ["DATABASE_URL"])
    redis.check(os.environ["REDIS_URL"])
    s3.check_bucket(os.environ)


def test_two_runs_at_once_do_not_meet_and_nothing_is_left_of_them() -> None:
    runs = Path(os.environ["STACK_DIR"]) / "runs"
    with servers(runs) as other:
        assert other["DATABASE_URL"] != os.environ["DATABASE_URL"]
        postgres.check(other["DATABASE_URL"])
        assert other.folder.is_dir()
    assert not other.folder.exists()
    assert not postgres.cluster_in(other.folder).data.exists()


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
