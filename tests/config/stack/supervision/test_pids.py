import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.stack.supervision.pids import Identity, left_behind


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that leads a session of its own and belongs to nobody's stack."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True, env={})
    yield process
    process.kill()
    process.wait()


def test_a_process_is_itself_only_with_the_time_of_its_start(
    stranger: subprocess.Popen[bytes],
) -> None:
    identity = Identity.of(stranger.pid)
    assert identity.is_alive()
    assert not replace(identity, started=identity.started - 1).is_alive()
    assert not replace(identity, boot="another boot").is_alive()


def test_a_process_that_took_over_a_number_is_not_signalled(
    stranger: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    before = replace(Identity.of(stranger.pid), started=1)
    before.send(signal.SIGKILL)
    assert left_behind(before, tmp_path) == []
    assert stranger.poll() is None


def test_the_children_of_a_part_that_died_are_found_by_the_stack_they_belong_to(
    tmp_path: Path,
) -> None:
    shell = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!"],
        start_new_session=True,
        stdout=subprocess.PIPE,
        env={"STACK_DIR": str(tmp_path), "PATH": os.defpath},
    )
    leader = Identity.of(shell.pid)
    assert shell.stdout
    with shell.stdout as said:
        child = Identity.of(int(said.readline()))
    shell.wait()
    assert left_behind(leader, tmp_path) == [child]
    assert left_behind(leader, tmp_path / "another stack") == []
    child.send(signal.SIGKILL)
