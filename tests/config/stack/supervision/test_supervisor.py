"""The order in which parts start and stop, with small programs as parts."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from config.stack.errors import NotHealthyError
from config.stack.supervision.console import Console
from config.stack.supervision.parts import Part
from config.stack.supervision.supervisor import Supervisor
from tests.clocks import PATIENCE_SECONDS

PROGRAM = """
import signal, sys, time
from pathlib import Path

folder, name = Path(sys.argv[1]), sys.argv[2]

def end(*_):
    with (folder / "ended").open("a") as file:
        file.write(name + "\\n")
    sys.exit()

signal.signal(signal.SIGTERM, end)
(folder / name).touch()
while True:
    time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path


def part(folder: Path, name: str, *, check: Callable[[], None], uses: tuple[str, ...] = ()) -> Part:
    argv = (sys.executable, "-c", PROGRAM, str(folder), name)
    return Part(name, argv=argv, uses=uses, check=check)


def present(file: Path) -> Callable[[], None]:
    def check() -> None:
        if not file.exists():
            raise NotHealthyError(f"no {file.name}")

    return check


def test_a_part_starts_beside_what_it_uses_and_is_stopped_before_it(folder: Path) -> None:
    parts = [
        part(folder, "server", check=present(folder / "user")),  # healthy only once the other runs
        part(folder, "user", check=present(folder / "user"), uses=("server",)),
    ]
    supervisor = Supervisor(parts, console=Console(folder, shows_parts=False))
    try:
        supervisor.start(seconds=PATIENCE_SECONDS)
        assert supervisor.healthy == {"server", "user"}
    finally:
        supervisor.stop()
    assert (folder / "ended").read_text().split() == ["user", "server"]


def test_what_a_part_waited_for_is_not_counted_as_its_own_time(folder: Path) -> None:
    parts = [
        part(folder, "server", check=present(folder / "user")),
        part(folder, "user", check=present(folder / "user"), uses=("server",)),
    ]
    supervisor = Supervisor(parts, console=Console(folder, shows_parts=False))
    try:
        supervisor.start(seconds=PATIENCE_SECONDS)
    finally:
        supervisor.stop()
    server, user = supervisor.running["server"], supervisor.running["user"]
    assert server.ready is not None
    server.began, server.ready = 100.0, 109.0
    user.began, user.ready = 103.0, 110.0
    assert (supervisor.took(server), supervisor.took(user)) == (9.0, 1.0)
    assert supervisor.slowest() == "server 9.0 s"
