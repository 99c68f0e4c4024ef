"""The crash points of `docs/reliability.md`, each as a function that causes it and then undoes it.

A fault has ended when its function returns: from then on the promise's time runs.
"""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psycopg
import redis

from config.stack.supervision.pids import Identity
from tests.chaos.machine import PARTS, Machine, until
from tests.chaos.people import Crowd, Person, Submission
from tests.chaos.truth import Truth

AWAY_SECONDS = 30.0
LEASE_SECONDS = 30.0
LIMIT_SECONDS = 3.0  # what `acts.serve` lets a model run
FAKETIME = (
    Path(os.environ.get("CHAOS_FAKETIME", "/nowhere")),
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"),
    Path("/usr/lib/faketime/libfaketime.so.1"),
)


class CannotBeRun(Exception):
    """This machine cannot make the fault; says why."""


@dataclass
class Scene:
    """What a fault may touch: the machine, the people, and the models that were prepared."""

    machine: Machine
    truth: Truth
    crowd: Crowd
    admin: Person
    slugs: dict[str, str]
    files: Path
    digests: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def ask(self, model: str) -> Submission:
        """Send the form of another model as one person, who is answered."""
        submission = self.crowd.next(self.slugs[model])
        self.crowd.people[0].submit(submission)
        if submission.execution is None:
            raise AssertionError(f"{model} takes no predictions: {submission.refusals[-1:]}")
        return submission

    def until_finished(self, submission: Submission, seconds: float) -> tuple[str, str]:
        """Return the execution's status and error code once it is terminal."""
        question = "SELECT status, error_code FROM executions_execution WHERE id = %s"
        found: list[dict[str, Any]] = []

        def is_finished() -> bool:
            found[:] = self.truth.ask_patiently(question, submission.execution)
            return found[0]["status"] in ("succeeded", "failed", "canceled")

        until(is_finished, f"the end of {submission.execution}", seconds)
        return found[0]["status"], found[0]["error_code"]

    def note(self, text: str) -> None:
        self.notes.append(text)

    def redis(self) -> "redis.Redis":
        return redis.Redis.from_url(self.machine.values["REDIS_URL"], socket_timeout=5)

    def store(self) -> Any:
        values = self.machine.values
        return boto3.client(
            "s3",
            endpoint_url=values["AWS_S3_ENDPOINT_URL"],
            aws_access_key_id=values["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )

    def forget_opened_models(self) -> None:
        """Let every model need its file again at its next prediction."""
        for process in self.machine.model_processes:
            process.send(signal.SIGKILL)


@dataclass(frozen=True)
class Fault:
    """One crash point. ``limit`` seconds after its end all that was asked before is terminal;
    ``fails`` are the error codes that executions may end with; ``may_change`` the tables whose
    rows it changes by intention."""

    name: str
    must: str
    happens: Callable[[Scene], None]
    limit: float
    fails: frozenset[str] = frozenset()
    may_change: frozenset[str] = frozenset()


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


def postgres_killed(scene: Scene) -> None:
    scene.machine.kill_and_wait("postgres")


def postgres_restarted(scene: Scene) -> None:
    process = scene.machine.record.processes["postgres"]
    before = scene.machine.send("postgres", process.stop_signal)
    scene.machine.until_another("postgres", before)


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


@contextmanager
def batch_of(scene: Scene, rows: int) -> "Iterator[Callable[[], int]]":
    """Submit a batch, yield a count of its chunks that are done, and judge it at the end."""
    pk = scene.machine.act("batch", scene.slugs["forest"], str(rows))

    def chunks_done() -> int:
        return scene.truth.number(
            "SELECT count(*) FROM executions_batchchunk WHERE execution_id = %s"
            " AND status = 'succeeded'",
            pk,
        )

    yield chunks_done
    until(
        lambda: scene.truth.number(
            "SELECT count(*) FROM executions_execution WHERE id = %s AND finished_at IS NOT NULL",
            pk,
        ),
        "the batch to end",
    )
    told = scene.machine.act("judge_batch", pk, str(scene.files))
    scene.note(f"batch of {rows:,} rows: {told['lost']} lost, {told['doubled']} doubled")
    right = {"status": "succeeded", "in_order": True, "done_twice": False}
    right |= {"lost": 0, "doubled": 0, "wrong": 0}
    if told != right:
        raise AssertionError(f"the batch {pk}: {told}")


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
