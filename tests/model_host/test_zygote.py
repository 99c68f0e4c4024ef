"""The zygote as a process: its start, and its state when it forks."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_host.processes.handles import ENVIRONMENT, Zygote, ZygoteLost, self_test
from model_host.protocol.orders import Orders
from tests.model_host.observed import has_gone, status_of

FOUR_VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
}
ORDERS = Orders("serve", memory_bytes=2**28, cpu_seconds=60, locked=True)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    os.environ["MODEL_HOST_TEST_SECRET"] = "hunter2"
    zygote = Zygote(sys.executable)
    yield zygote
    zygote.close()
    del os.environ["MODEL_HOST_TEST_SECRET"]


def test_its_environment_is_exactly_four_variables(zygote: Zygote) -> None:
    lines = Path(f"/proc/{zygote.pid}/environ").read_bytes().decode().split("\0")

    assert dict(line.split("=", 1) for line in lines if line) == FOUR_VARIABLES == ENVIRONMENT


def test_it_holds_its_socket_and_a_handle_on_the_worker_and_nothing_else(zygote: Zygote) -> None:
    folder = Path(f"/proc/{zygote.pid}/fd")
    held = sorted(os.readlink(descriptor).partition(":")[0] for descriptor in folder.iterdir())

    assert held == ["/dev/null", "/dev/null", "/dev/null", "anon_inode", "socket"]


def test_it_has_one_thread_after_its_warm_up_and_after_a_fork(zygote: Zygote) -> None:
    assert status_of(zygote.pid)["Threads"] == "1"
    child = zygote.fork(ORDERS)
    assert status_of(zygote.pid)["Threads"] == "1"
    child.end()


def test_every_warm_up_works(zygote: Zygote) -> None:
    assert zygote.cold == ()


def test_it_knows_neither_the_product_nor_its_libraries(zygote: Zygote) -> None:
    mapped = Path(f"/proc/{zygote.pid}/maps").read_text()

    assert "/sklearn/" in mapped
    assert "/psycopg" not in mapped
    assert "/pydantic_core/" not in mapped  # Of Prefect.


def test_a_child_dies_with_its_connection(zygote: Zygote) -> None:
    child = zygote.fork(ORDERS)

    child.end()

    assert has_gone(child.pid, 0)


def test_the_self_test_sees_a_lock_that_holds(zygote: Zygote) -> None:
    assert self_test(zygote).passed


def test_the_self_test_names_what_an_unlocked_process_can_do(zygote: Zygote) -> None:
    result = self_test(zygote, locked=False)

    assert not result.passed
    for deed in ("read a file", "open an internet socket", "open a local socket"):
        assert f"A locked process could {deed}." in result.findings


def test_a_zygote_with_a_second_thread_forks_nothing(threaded_python: str) -> None:
    zygote = Zygote(threaded_python)

    with pytest.raises(ZygoteLost, match="2 threads before a fork"):
        zygote.fork(ORDERS)

    assert has_gone(zygote.pid, 0)
