"""The scene of a chaos run: what a fault may touch, what it may ask for, and what a fault is."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import redis

from tests.chaos.machine import Machine, until
from tests.chaos.people import Crowd, Person, Submission
from tests.chaos.truth import Truth


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


@contextmanager
def batch_of(scene: Scene, rows: int) -> Iterator[Callable[[], int]]:
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
