"""The view of other accounts of the machine on a running stack: ports, processes and its folder."""

import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis

from tests.config.stack.conftest import new_stack
from tests.config.stack.driver import Stack, listening

PARTS = ("postgres", "redis", "s3", "prefect")
URLS = ("DATABASE_URL", "REDIS_URL", "AWS_S3_ENDPOINT_URL", "PREFECT_API_URL")
LOOPBACK = "0100007F"  # 127.0.0.1, as the kernel writes it


@pytest.fixture(scope="module")
def servers() -> Iterator[Stack]:
    """Yield the four servers, running."""
    with new_stack() as stack:
        assert stack.run("up", "--detach", *PARTS).code == 0
        yield stack


def test_no_command_line_holds_a_secret(servers: Stack) -> None:
    values = servers.values
    names = ("SECRET_KEY", "DEMO_PASSWORD", "AWS_SECRET_ACCESS_KEY", "PREFECT_API_AUTH_STRING")
    secrets = {values[name].rpartition(":")[2] for name in names}
    secrets |= {urlsplit(values[name]).password or "" for name in ("DATABASE_URL", "REDIS_URL")}
    commands = servers.processes()
    assert len(commands) >= len(PARTS)
    assert len(secrets) == 6
    assert not [line for line in commands if any(secret in line for secret in secrets)]


def test_the_folder_and_what_is_in_it_is_for_its_account_alone(servers: Stack) -> None:
    others = stat.S_IRWXG | stat.S_IRWXO
    passing = stat.S_IXGRP | stat.S_IXOTH  # PostgreSQL of root runs as nobody
    assert not servers.folder.stat().st_mode & (others ^ passing)
    found = list(servers.folder.iterdir())
    assert {"env", "run.json", "lock", "log", "redis", "s3"} <= {entry.name for entry in found}
    assert not [entry for entry in found if entry.stat().st_mode & others]


def test_what_the_servers_write_is_private_wherever_it_lies(servers: Stack) -> None:
    for part in PARTS:
        assert "Umask:\t0077" in Path(f"/proc/{servers.pid(part)}/status").read_text()


def test_the_servers_listen_where_the_environment_says_and_nowhere_else(servers: Stack) -> None:
    known = {f"{LOOPBACK}:{urlsplit(servers.values[name]).port:04X}" for name in URLS}
    found = {
        address
        for line in servers.processes()
        for address in listening(int(line.partition(":")[0]))
    }
    assert found == known


def test_postgresql_takes_nobody_without_a_password(servers: Stack) -> None:
    port = urlsplit(servers.values["DATABASE_URL"]).port
    for user in ("app", "postgres", "nobody"):
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(host="127.0.0.1", port=port, user=user, dbname="app")


def test_redis_takes_nobody_without_a_password(servers: Stack) -> None:
    port = urlsplit(servers.values["REDIS_URL"]).port
    with (
        redis.Redis("127.0.0.1", port or 0, protocol=2) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/models",
        "/models/?list-type=2",
        "/metrics",
        "/minio/v2/metrics/cluster",
        "/debug/pprof/",
    ],
)
def test_the_store_shows_nobody_anything_without_its_keys(path: str, servers: Stack) -> None:
    answer = httpx.get(servers.values["AWS_S3_ENDPOINT_URL"] + path, timeout=20)
    assert answer.status_code == 403


def test_prefect_tells_nobody_of_its_runs_without_its_password(servers: Stack) -> None:
    url = servers.values["PREFECT_API_URL"] + "/flow_runs/filter"
    assert httpx.post(url, json={}, timeout=60).status_code == 401


def test_the_status_says_where_prefects_password_stands_and_not_which_it_is(
    servers: Stack,
) -> None:
    said = servers.run("status").said
    assert servers.values["PREFECT_API_URL"].replace("/api", "/login") in said
    assert f"It is in {servers.folder}/env." in said
    assert servers.values["PREFECT_API_AUTH_STRING"].partition(":")[2] not in said
