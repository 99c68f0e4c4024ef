"""The short form of `make chaos`: every part is killed once while people submit."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.machine import PARTS
from tests.chaos.run import prepared, suffer
from tests.chaos.scene import Fault, Scene, batch_of
from tests.clocks import until


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Yield a product of these tests' own, in a folder that root's PostgreSQL can enter."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=os.environ["STACK_DIR"])).resolve()
    folder.chmod(0o711)
    with prepared(folder) as scene:
        yield scene
    shutil.rmtree(folder)


def accepted(scene: Scene) -> int:
    return sum(one.execution is not None for one in scene.crowd.submissions)


def kill_each_part(scene: Scene) -> None:
    for part in PARTS:
        scene.machine.kill_and_wait(part)
        enough = accepted(scene) + 3  # the faults are to fall together only where they would anyway
        until(lambda enough=enough: accepted(scene) >= enough, f"forms to be taken after {part}")
    scene.forget_opened_models()


def test_nothing_is_lost_doubled_or_wrong_though_every_part_is_killed_once(scene: Scene) -> None:
    scene.crowd.per_second = 3
    outcome = suffer(scene, Fault("each part killed", "nothing lost", kill_each_part, 60))

    assert outcome is not None
    assert outcome.verdict.accepted > 20
    assert outcome.verdict.problems == []
    assert outcome.verdict.is_kept


def test_every_row_of_a_batch_is_computed_once_and_in_order_though_its_worker_is_killed(
    scene: Scene,
) -> None:
    with batch_of(scene, 30_000) as chunks_done:
        until(lambda: chunks_done() >= 1, "the first chunk of the batch")
        scene.machine.kill_and_wait("worker")

    assert chunks_done() == 15
