"""Faults of models, of their files, and of the disks and the store that keep the files."""

import contextlib
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.stack.supervision.pids import Identity
from tests.chaos.machine import until
from tests.chaos.scene import CannotBeRun, Scene

LIMIT_SECONDS = 3.0  # what `acts.serve` lets a model run


def models_killed(scene: Scene) -> None:
    for _ in range(3):
        scene.forget_opened_models()
        time.sleep(2.0)


def model_segfaults(scene: Scene) -> None:
    submission = scene.ask("endless")
    until(lambda: scene.truth.number(
        "SELECT count(*) FROM executions_execution WHERE id = %s AND status = 'running'",
        submission.execution,
    ), "the model to run", 20)  # fmt: skip
    time.sleep(0.5)
    for process in _busiest(scene.machine.model_processes):
        process.send(signal.SIGSEGV)
    status = scene.until_finished(submission, LIMIT_SECONDS + 5)
    assert status == ("failed", "CRASH"), status


def model_loops(scene: Scene) -> None:
    """Run four endless models at once, twice as many as the machine has processors."""
    submissions = [scene.ask("endless") for _ in range(4)]
    for submission in submissions:
        status = scene.until_finished(submission, 60)
        assert status == ("failed", "TIMEOUT"), status


def model_takes_all_memory(scene: Scene) -> None:
    submission = scene.ask("greedy")
    status = scene.until_finished(submission, LIMIT_SECONDS + 10)
    assert status == ("failed", "MEMORY"), status


def store_away(scene: Scene) -> None:
    """Stop the store: opened models keep working; others say so, and work again afterwards."""
    with scene.machine.held_down("s3"):
        _uncached(scene, "rare")
        submission = scene.ask("rare")
        status = scene.until_finished(submission, 90)
        assert status == ("failed", "STORAGE"), status
    assert scene.until_finished(scene.ask("rare"), 60)[0] == "succeeded"


def altered_in_the_store(scene: Scene) -> None:
    """Alter a file in the store: it is never opened, the admins are told, and the version takes
    nothing more."""
    sha256 = scene.digests["altered"]
    _uncached(scene, "altered")
    body = (scene.files / sha256).read_bytes()
    scene.store().put_object(Bucket="models", Key=f"models/{sha256}", Body=body[:-1] + b"?")
    status = scene.until_finished(scene.ask("altered"), 60)
    assert status == ("failed", "STORAGE"), status
    told = "SELECT count(*) FROM notifications_notification WHERE kind = 'file_altered'"
    assert scene.truth.number(told) == 1
    assert scene.crowd.people[0].press(scene.crowd.form(scene.slugs["altered"])) == "422"


def altered_in_the_cache(scene: Scene) -> None:
    """Alter the worker's copy, which is dropped and fetched anew."""
    path = scene.machine.cache / scene.digests["forest"]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    scene.forget_opened_models()
    until(lambda: path.exists() and path.read_bytes() != bytes(content), "a copy fetched anew")


def cache_disk_full(scene: Scene) -> None:
    with _full(scene.machine.cache):
        scene.forget_opened_models()
        assert scene.until_finished(scene.ask("rare"), 60)[0] == "succeeded"
        time.sleep(3.0)


def upload_disk_full(scene: Scene) -> None:
    """Upload to a full disk: the admin is told, and there is no version and no object."""
    model = scene.truth.ask_patiently(
        "SELECT id FROM models_registry_registeredmodel WHERE slug = %s", scene.slugs["forest"]
    )[0]["id"]
    page = f"/admin/models_registry/registeredmodel/{model}/upload/"
    versions = "SELECT count(*) FROM models_registry_modelversion"
    before = scene.truth.number(versions), _objects(scene)
    with _full(scene.machine.spool):
        content = random.Random(0).randbytes(8_000_000)
        answer = scene.admin.post(page, page, files={"file": ("large.joblib", content)})
        assert answer.status_code == 503, answer.status_code
    assert (scene.truth.number(versions), _objects(scene)) == before


def _uncached(scene: Scene, model: str) -> None:
    """Remove the model's file from every worker, on disk and in processes."""
    (scene.machine.cache / scene.digests[model]).unlink(missing_ok=True)
    scene.forget_opened_models()


def _objects(scene: Scene) -> int:
    return len(scene.store().list_objects_v2(Bucket="models").get("Contents", []))


def _busiest(processes: list[Identity]) -> list[Identity]:
    """Return the processes that used the processor most recently."""

    def ticks(one: Identity) -> int:
        with contextlib.suppress(OSError):
            return int(Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()[11])
        return 0

    first = {one: ticks(one) for one in processes}
    time.sleep(0.3)
    return sorted(processes, key=lambda one: first[one] - ticks(one))[:1]


@contextmanager
def _full(folder: Path) -> Iterator[None]:
    """Mount a disk of 8 kB in the folder's place."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k,mode=1777", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        raise CannotBeRun(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
