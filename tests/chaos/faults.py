"""The crash points of `docs/reliability.md`, each as a function that causes it and then undoes it.

Those of models and of their files are in `model_faults.py`. A fault has ended when its function
returns: from then on the promise's time runs.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis

from tests.chaos.machine import PARTS, until
from tests.chaos.model_faults import (
    altered_in_the_cache,
    altered_in_the_store,
    cache_disk_full,
    model_loops,
    model_segfaults,
    model_takes_all_memory,
    models_killed,
    store_away,
    upload_disk_full,
)
from tests.chaos.scene import CannotBeRun, Fault, Scene, batch_of

AWAY_SECONDS = 30.0
LEASE_SECONDS = 30.0
FAKETIME = (
    Path(os.environ.get("CHAOS_FAKETIME", "/nowhere")),
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"),
    Path("/usr/lib/faketime/libfaketime.so.1"),
)


def after_commit(scene: Scene) -> None:
    """Kill the web's processes after the commit and before the hint: Redis is suspended, so that
    publishing hangs."""
    with scene.machine.frozen("redis"):
        time.sleep(1.2)
        for process in scene.machine.web_workers:
            process.send(signal.SIGKILL)


def before_commit(scene: Scene) -> None:
    """Kill the web's processes before the commit: the people's rows are locked, so that every
    request waits in its transaction."""
    with psycopg.connect(scene.machine.values["DATABASE_URL"]) as connection:
        connection.execute("SELECT id FROM accounts_user FOR UPDATE")
        time.sleep(1.2)
        for process in scene.machine.web_workers:
            process.send(signal.SIGKILL)
        time.sleep(0.3)


def web_killed(scene: Scene) -> None:
    scene.machine.kill_and_wait("web")


def redis_killed(scene: Scene) -> None:
    scene.machine.kill_and_wait("redis")


def redis_flushed(scene: Scene) -> None:
    with scene.redis() as client:
        for _ in range(10):
            client.flushall()
            time.sleep(0.5)


def redis_away(scene: Scene) -> None:
    with scene.machine.held_down("redis"):
        time.sleep(AWAY_SECONDS)


def redis_silent(scene: Scene) -> None:
    with scene.machine.frozen("redis"):
        time.sleep(AWAY_SECONDS)


def celery_killed(scene: Scene) -> None:
    """Kill Celery while its tasks wait for Prefect: the run may or may not be created by then."""
    for _ in range(2):
        with scene.machine.frozen("prefect"):
            time.sleep(1.0)
            scene.machine.kill_and_wait("celery")
        time.sleep(3.0)


def prefect_away(scene: Scene) -> None:
    with scene.machine.held_down("prefect"):
        time.sleep(AWAY_SECONDS)


def prefect_killed(scene: Scene) -> None:
    """Kill Prefect while runs are under way: the endless one is, until its limit."""
    running = scene.ask("endless")
    time.sleep(1.0)
    scene.machine.kill_and_wait("prefect")
    assert scene.until_finished(running, 30) == ("failed", "TIMEOUT")


def worker_killed(scene: Scene) -> None:
    running = scene.ask("endless")
    time.sleep(1.0)
    scene.machine.kill_and_wait("worker")
    assert scene.until_finished(running, 90) == ("failed", "TIMEOUT")


def worker_frozen(scene: Scene) -> None:
    """Suspend one of two workers for longer than its lease, with runs that it holds, which it then
    finishes late."""
    before = scene.machine.identity("worker")
    attempts = "SELECT count(*) FROM executions_attempt WHERE worker LIKE %s AND outcome = %s"
    with scene.machine.another_worker():
        held = f"%-{before.pid}"
        lost_before = scene.truth.number(attempts, held, "lost")
        submissions = [scene.ask("endless") for _ in range(6)]
        until(lambda: scene.truth.number(
            "SELECT count(*) FROM executions_execution"
            " WHERE id = ANY(%s) AND status = 'running' AND lease_owner LIKE %s",
            [one.execution for one in submissions], held,
        ), "a run that the worker holds", 20)  # fmt: skip
        with scene.machine.frozen("worker"):
            time.sleep(LEASE_SECONDS + 12)
        taken = scene.truth.number(attempts, held, "lost") - lost_before
        scene.note(f"{taken} attempts taken over")
        assert taken
        for submission in submissions:
            status = scene.until_finished(submission, 60)
            assert status == ("failed", "TIMEOUT"), status


def postgres_killed(scene: Scene) -> None:
    scene.machine.kill_and_wait("postgres")


def postgres_restarted(scene: Scene) -> None:
    process = scene.machine.record.processes["postgres"]
    before = scene.machine.send("postgres", process.stop_signal)
    scene.machine.until_another("postgres", before)


def rolling_restart(scene: Scene) -> None:
    """Send SIGTERM to each part in turn, as a deployment does."""
    for part in ("web", "celery", "worker", "prefect", "redis", "s3"):
        scene.machine.until_another(part, scene.machine.send(part, signal.SIGTERM))
        time.sleep(3.0)


def clock_off(scene: Scene) -> None:
    """Run a second worker an hour ahead and a third one an hour behind."""
    library = next((str(path) for path in FAKETIME if path.exists()), None)
    if library is None:
        raise CannotBeRun("libfaketime is not installed")
    for offset in ("+1h", "-1h"):
        wrong = {"LD_PRELOAD": library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        with scene.machine.another_worker(**wrong) as worker:
            time.sleep(8.0)
            done = scene.truth.number(
                "SELECT count(*) FROM executions_attempt WHERE worker LIKE %s", f"%-{worker.pid}"
            )
            scene.note(f"{done} by the worker at {offset}")
            assert done, "the worker with the wrong clock took nothing"


def batch_and_killed_workers(scene: Scene) -> None:
    """Kill the worker three times while it computes a batch."""
    with batch_of(scene, 60_000) as chunks_done:
        for number in (1, 4, 8):
            until(lambda number=number: chunks_done() >= number, f"chunk {number} of the batch")
            scene.machine.kill_and_wait("worker")


def batch_and_each_part(scene: Scene) -> None:
    """Kill every part of the product once while a batch is computed."""
    with batch_of(scene, 60_000):
        for part in PARTS:
            scene.machine.kill_and_wait(part)


def many_sweeps(scene: Scene) -> None:
    """Run two processes with eight sweeps each, while only they reach the worker."""
    with (
        scene.machine.acting("sweep", "15") as one,
        scene.machine.acting("sweep", "15") as other,
        scene.redis() as client,
    ):
        while one.poll() is None or other.poll() is None:
            client.flushall()
            time.sleep(1.0)


def promotion_storm(scene: Scene) -> None:
    """Promote twenty versions each as two admins, all at the same moment."""
    drafts = scene.machine.act(
        "drafts", scene.slugs["forest"], "40",
        scene.digests["forest"], scene.digests["other forest"],
    )  # fmt: skip
    halves = [[str(pk) for pk in drafts[start::2]] for start in (0, 1)]
    with (
        scene.machine.acting("promote", *halves[0]) as one,
        scene.machine.acting("promote", *halves[1]) as other,
    ):
        for admin in (one, other):
            said, _ = admin.communicate(timeout=200)
            scene.note(said.strip().splitlines()[-1])
    open_ones = "SELECT count(*) FROM models_registry_deployment d WHERE ended_at IS NULL"
    models = "SELECT count(*) FROM models_registry_modelversion WHERE status = 'active'"
    assert scene.truth.number(open_ones) <= scene.truth.number(models)


NOTHING: frozenset[str] = frozenset()
SLOW = frozenset({"TIMEOUT"})
LIVE = frozenset({"models_registry_modelversion", "models_registry_deployment"})

FAULTS = (
    Fault("web killed after the commit", "dispatched within 10 s", after_commit, 12),
    Fault("web killed before the commit", "no row; the same form again", before_commit, 12),
    Fault("web's master killed", "the next page opens", web_killed, 12),
    Fault("Redis killed", "dispatched within 10 s after", redis_killed, 12),
    Fault("Redis flushed ten times", "dispatched within 10 s after", redis_flushed, 12),
    Fault("Redis away for 30 s", "submitting works; 10 s after", redis_away, 12),
    Fault("Redis silent for 30 s", "submitting works; 10 s after", redis_silent, 12),
    Fault("Celery killed at dispatch", "within 70 s, no second run", celery_killed, 70),
    Fault("Prefect away for 30 s", "stays queued; then runs", prefect_away, 60),
    Fault("Prefect killed during runs", "result still written", prefect_killed, 60, SLOW),
    Fault("worker killed", "new attempt within 60 s", worker_killed, 60, SLOW),
    Fault("worker stopped for 42 s", "its late end changes nothing", worker_frozen, 60, SLOW),
    Fault("model's process killed", "another attempt", models_killed, 15),
    Fault(
        "model segfaults", "CRASH within its limit + 5 s", model_segfaults, 15,
        frozenset({"CRASH"}),
    ),
    Fault("workers killed in a batch", "every row once, in order", batch_and_killed_workers, 60),
    Fault("each part killed in a batch", "every row once, in order", batch_and_each_part, 60),
    Fault("four endless models at once", "TIMEOUT; others go on", model_loops, 15, SLOW),
    Fault(
        "model takes all memory", "MEMORY; others go on", model_takes_all_memory, 15,
        frozenset({"MEMORY"}),
    ),
    Fault("PostgreSQL killed", "503 within 5 s, back within 10 s", postgres_killed, 60),
    Fault("PostgreSQL restarted", "503 within 5 s, back within 10 s", postgres_restarted, 60),
    Fault("store away", "opened models work, else STORAGE", store_away, 15, frozenset({"STORAGE"})),
    Fault(
        "file altered in the store", "STORAGE, locked, admins told", altered_in_the_store, 15,
        frozenset({"STORAGE"}), frozenset({"models_registry_modelversion"}),
    ),
    Fault("file altered in the cache", "never opened, fetched anew", altered_in_the_cache, 15),
    Fault("disk of the cache full", "evicts, then loads without it", cache_disk_full, 15),
    Fault("disk full at an upload", "503, nothing half-written", upload_disk_full, 15),
    Fault("SIGTERM to each part in turn", "0 failed within 30 s", rolling_restart, 30),
    Fault("clocks of workers 1 h off", "leases and answers as ever", clock_off, 30),
    Fault("16 more sweeps at once", "one winner", many_sweeps, 15),
    Fault("2 x 20 promotions at once", "exactly one active", promotion_storm, 15, NOTHING, LIVE),
)  # fmt: skip


def at_random(scene: Scene, seconds: float, dice: random.Random) -> None:
    """Make one quick fault after the other, at random; some overlap."""
    quick: dict[str, Callable[[Scene], None]] = {
        "after commit": after_commit,
        "before commit": before_commit,
        "redis flushed": _flush,
        "models killed": Scene.forget_opened_models,
        "cache altered": altered_in_the_cache,
        **{f"{part} killed": _killing(part) for part in PARTS},
        **{f"{part} stopped": _freezing(part) for part in PARTS},
        **{f"{part} told to end": _ending(part) for part in PARTS},
    }
    counts: dict[str, int] = {}
    until_ = time.monotonic() + seconds
    while time.monotonic() < until_:
        name = dice.choice(sorted(quick))
        try:
            quick[name](scene)
        except (OSError, TimeoutError, psycopg.Error, redis.RedisError) as error:
            name = f"{name} (missed: {type(error).__name__})"
        counts[name] = counts.get(name, 0) + 1
        time.sleep(dice.uniform(0.5, 8.0))
    for part in PARTS:
        until(lambda part=part: scene.machine.identity(part).is_alive(), f"{part} to live")
    scene.note(f"{sum(counts.values())} faults")
    scene.note(", ".join(f"{count} {name}" for name, count in sorted(counts.items())))


def _flush(scene: Scene) -> None:
    with scene.redis() as client:
        client.flushall()


def _killing(part: str) -> Callable[[Scene], None]:
    def kill(scene: Scene) -> None:
        scene.machine.kill(part)

    return kill


def _ending(part: str) -> Callable[[Scene], None]:
    def end(scene: Scene) -> None:
        scene.machine.send(part, scene.machine.record.processes[part].stop_signal)

    return end


def _freezing(part: str) -> Callable[[Scene], None]:
    def freeze(scene: Scene) -> None:
        with scene.machine.frozen(part):
            time.sleep(4.0)

    return freeze
