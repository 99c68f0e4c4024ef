"""The model host's settings in a worker, and the worker's report on its sandbox."""

import hashlib
import json
import os
import re
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from config.stack.errors import StackError
from config.stack.processes import check_worker
from engine import heartbeats
from engine.heartbeats import Heartbeat
from executions.batches.contents import BatchRow
from executions.explanations.storing import unexplained
from executions.models import Batch
from executions.services.batches import submit_batch
from flows import batch, explaining, host, inspection, predict
from flows.errors import HandedBack, InspectionFailed, PredictionFailed
from flows.inspecting.approvals import approvable
from flows.worker.housekeeping import Housekeeping
from model_host.client import ModelHost
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.errors import HostError
from model_host.protocol.orders import SelfTest
from models_registry.models import Inspection, ModelVersion
from tests.factories import LOAN_OUTPUTS, make_execution, make_user
from tests.flows.resident import IRIS, ask
from tests.model_host.conftest import python_with
from tests.model_host.observed import children_of, status_of

FINDING = "A locked process could read a file."


pytestmark = pytest.mark.usefixtures("no_renewal")


@pytest.fixture
def started(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ModelHost]]:
    """Starts this process's model host anew, with these settings."""
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"
    hosts: list[ModelHost] = []

    def start(**changed: object) -> ModelHost:
        for name, value in changed.items():
            setattr(settings, name, value)
        monkeypatch.setattr(host, "_host", cache(host._host.__wrapped__))
        hosts.append(host.model_host())
        return hosts[-1]

    yield start
    for each in (*hosts, *host._by_use.values()):
        each.close()
    host._by_use.clear()


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel on which the self-test fails."""
    failed = SelfTest(passed=False, findings=(FINDING,))
    monkeypatch.setattr("model_host.processes.sandbox.self_test", lambda zygote: failed)


def zygotes() -> set[int]:
    return {pid for pid in children_of(os.getpid()) if status_of(pid)["Name"] == "model-zygote"}


def inspect(version: ModelVersion) -> Inspection:
    row = Inspection.objects.create(version=version, sha256=version.sha256)
    with suppress(InspectionFailed):
        inspection.claim(row.pk, 1).carry_out()
    return Inspection.objects.get(pk=row.pk)


@pytest.mark.parametrize(("is_one_each", "kept"), [(True, 0), (False, 1)])
def test_the_site_decides_whether_a_process_answers_more_than_once(
    is_one_each: bool, kept: int, iris: ModelVersion, started: Callable[..., ModelHost]
) -> None:
    others = zygotes()
    started(ONE_CHILD_PER_PREDICTION=is_one_each)
    (zygote,) = zygotes() - others
    execution = ask(iris)

    predict.claim(str(execution.pk), 1).carry_out()

    execution.refresh_from_db()
    assert execution.status == "succeeded"
    assert len(children_of(zygote)) == kept


@pytest.mark.parametrize(("is_one_each", "processes"), [(True, 3), (False, 1)])
def test_the_site_decides_whether_a_process_answers_more_than_one_chunk_of_a_batch(
    is_one_each: bool,
    processes: int,
    iris: ModelVersion,
    started: Callable[..., ModelHost],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.BATCH_CHUNK_ROWS = 10
    host = started(ONE_CHILD_PER_PREDICTION=is_one_each)
    own, forked = host._pool._fork, []

    def fork(*given: Any, **named: Any) -> Any:
        forked.append(1)
        return own(*given, **named)

    monkeypatch.setattr(host._pool, "_fork", fork)
    execution = submit_batch(
        user=make_user(),
        version=iris,
        rows=(BatchRow(tuple(row)) for row in IRIS.data.head(25).to_numpy().tolist()),
        source=Batch.Source.API,
        token=uuid.uuid4(),
    )

    batch.claim(str(execution.pk), 1).carry_out()

    execution.refresh_from_db()
    assert execution.status == "succeeded"
    assert len(forked) == processes


def test_where_the_sandbox_does_not_hold_no_file_is_opened_and_the_page_says_why(
    iris: ModelVersion, started: Callable[..., ModelHost], no_sandbox: None
) -> None:
    started()

    row = inspect(iris)

    assert row.status == "failed"
    assert row.message == (
        f"This server cannot open models safely: {FINDING} The sandbox needs Linux with seccomp on "
        "x86-64 or ARM64, and a container that may use it: see docs/security.md."
    )


def test_only_the_setting_opens_files_without_a_sandbox(
    iris: ModelVersion, started: Callable[..., ModelHost], no_sandbox: None
) -> None:
    started(ALLOW_UNSANDBOXED_MODELS=True)

    assert inspect(iris).status == "succeeded"


@pytest.mark.parametrize(
    ("is_allowed", "words"),
    [(False, "BOOSTERS_ALLOWED=1 in the server's settings"), (True, "not have. Install it on the")],
)
def test_boosters_open_only_where_the_site_allows_them(
    is_allowed: bool, words: str, started: Callable[..., ModelHost], tmp_path: Path
) -> None:
    """No booster is installed here, so what tells is whether the name or the library is missing."""
    others = zygotes()
    boosting = started(BOOSTERS_ALLOWED=is_allowed)
    (zygote,) = zygotes() - others
    content = b"\x80\x04\x8c\x0fxgboost.sklearn\x8c\x0dXGBClassifier\x93)\x81."
    (tmp_path / "boosted").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()

    with pytest.raises(HostError, match=re.escape(words)) as caught:
        boosting.warm(Artifact(digest, tmp_path / "boosted", "pickle"), Limits())

    assert caught.value.refused == (("xgboost.sklearn", "XGBClassifier"),)
    assert approvable(caught.value.refused, []) == []
    words_of_zygote = Path(f"/proc/{zygote}/cmdline").read_bytes().split(b"\0")
    assert (b"boosters" in words_of_zygote) == is_allowed


@pytest.fixture
def beat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Heartbeat]]:
    """Has a worker of this test's own send a heartbeat, and returns its facts."""

    class Idle:
        size, running = 2, 0

        def take_from(self, queues: tuple[str, ...]) -> None:
            pass

    name = f"worker-{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr("flows.worker.housekeeping.owner", lambda: name)

    def send() -> Heartbeat:
        Housekeeping(Idle(), None)._beat()  # type: ignore[arg-type]
        return heartbeats.heartbeats()[name]

    yield send
    heartbeats.stop_beating(name)


@pytest.mark.parametrize(
    ("is_allowed", "problem"),
    [(False, f"This server cannot open models safely: {FINDING}"), (True, "")],
)
def test_a_heartbeat_tells_what_the_self_test_found_and_what_keeps_models_closed(
    is_allowed: bool,
    problem: str,
    started: Callable[..., ModelHost],
    no_sandbox: None,
    beat: Callable[[], Heartbeat],
) -> None:
    started(ALLOW_UNSANDBOXED_MODELS=is_allowed)

    facts = beat()

    assert facts.self_test == SelfTest(passed=False, findings=(FINDING,), missing=())
    assert facts.problem.startswith(problem)
    assert bool(facts.problem) != is_allowed


# A host that does not start


@pytest.fixture
def hosted_by(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Has this process's model host use another interpreter."""
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"

    def use(python: str) -> None:
        monkeypatch.setattr(host, "ModelHost", partial(ModelHost, python=python))
        monkeypatch.setattr(host, "_host", cache(host._host.__wrapped__))

    return use


@pytest.fixture
def without_a_library(tmp_path: Path, hosted_by: Callable[[str], None]) -> str:
    """Libraries of which one has no module of another; what is said of it."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages/skops.py").write_text("import numpy.of_yesterday\n")
    hosted_by(python_with(tmp_path / "home", tmp_path / "packages"))
    return (
        "The process that opens models cannot start: ModuleNotFoundError: No module named "
        "'numpy.of_yesterday'. The libraries here are not those of requirements.txt: install these "
        "again (pip install --require-hashes -r requirements.txt), then restart the worker."
    )


def test_an_inspection_tells_why_the_host_does_not_start_on_its_first_attempt(
    iris: ModelVersion, without_a_library: str
) -> None:
    row = inspect(iris)

    assert (row.status, row.attempt, row.message) == ("failed", 1, without_a_library)
    assert "import numpy.of_yesterday" in row.traceback
    assert [step.state for step in row.steps_taken] == ["passed", "passed", "failed"]


def test_a_prediction_tells_why_the_host_does_not_start_on_its_first_attempt(
    iris: ModelVersion, without_a_library: str
) -> None:
    execution = ask(iris)

    with pytest.raises(PredictionFailed):
        predict.claim(str(execution.pk), 1).carry_out()

    execution.refresh_from_db()
    assert (execution.status, execution.attempt) == ("failed", 1)
    assert (execution.error_code, execution.message) == ("LOAD", without_a_library)


def test_an_explanation_stays_open_while_the_host_does_not_start(
    iris: ModelVersion, without_a_library: str
) -> None:
    execution = make_execution(version=iris, inputs=ask(iris).inputs, outputs=LOAN_OUTPUTS)

    explaining.explain(execution.pk)

    assert unexplained().filter(pk=execution.pk).exists()


def test_a_host_that_is_ended_from_outside_gets_all_its_attempts_and_keeps_its_cause(
    iris: ModelVersion, tmp_path: Path, hosted_by: Callable[[str], None]
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nkill -KILL $$\n")
    program.chmod(0o755)
    hosted_by(str(program))
    row = Inspection.objects.create(version=iris, sha256=iris.sha256)

    for attempt in range(1, settings.MAX_ATTEMPTS + 1):
        with pytest.raises(HandedBack):
            inspection.claim(row.pk, attempt).carry_out()

    row.refresh_from_db()
    assert row.message == (
        "The process that opens models could not be started: it was ended by SIGKILL on all 3 "
        "attempts. Try it again."
    )


def test_a_demo_stops_at_its_start_with_the_reason_why_its_worker_opens_no_model(
    without_a_library: str, beat: Callable[[], Heartbeat]
) -> None:
    for name in heartbeats.heartbeats():
        heartbeats.stop_beating(name)

    assert beat().problem == without_a_library
    with pytest.raises(StackError) as caught:
        check_worker(settings.REDIS_URL, opens_models=True)
    assert str(caught.value) == without_a_library
    check_worker(settings.REDIS_URL, opens_models=False)


def test_a_stack_is_healthy_while_one_of_its_workers_opens_models() -> None:
    beats = {"broken": "No module named x.", "working": ""}
    for name, problem in beats.items():
        heartbeats.beat(name, Heartbeat(timezone.now(), SelfTest(True), problem=problem))

    check_worker(settings.REDIS_URL, opens_models=True)

    for name in beats:
        heartbeats.stop_beating(name)


# A runtime that is installed anew, or removed, while its process runs


@pytest.fixture
def runtime_1_5(settings: Settings, tmp_path: Path, started: Callable[..., ModelHost]) -> Path:
    """The place of a runtime 1.5 with our own libraries; its host may be unused for an hour."""
    started(RUNTIMES_DIR=tmp_path / "runtimes", RUNTIME_IDLE_SECONDS=3600)
    return install_at(settings.RUNTIMES_DIR / "1.5")


def install_at(place: Path) -> Path:
    """Install the same runtime at ``place``, over one that is there."""
    made = place.with_name("made")
    python_with(made, packages=made / "none")
    record = {"minor": "1.5", "python": sys.version.split()[0], "lock": "", "libraries": {}}
    (made / "runtime.json").write_text(json.dumps(record | {"extras": []}))
    if place.exists():
        place.rename(place.with_name("former"))
    made.rename(place)
    return place


def test_a_runtime_installed_anew_is_asked_from_then_on_and_the_process_on_its_former_files_ends(
    runtime_1_5: Path,
) -> None:
    others = zygotes()
    former = host.model_host("1.5")
    (of_former,) = zygotes() - others

    install_at(runtime_1_5)
    latter = host.model_host("1.5")
    host.rest_unused()

    assert latter is not former
    assert not former.is_awake
    assert of_former not in zygotes()
    assert latter.is_awake


def test_the_process_of_a_runtime_that_was_removed_ends_and_no_other_takes_its_place(
    runtime_1_5: Path,
) -> None:
    running = host.model_host("1.5")

    shutil.rmtree(runtime_1_5)
    host.rest_unused()

    assert not running.is_awake
    with pytest.raises(HostError, match=re.escape("manage.py runtime add 1.5")):
        host.model_host("1.5")


def test_the_process_of_a_runtime_that_is_as_it_was_stays(runtime_1_5: Path) -> None:
    running = host.model_host("1.5")

    host.rest_unused()

    assert host.model_host("1.5") is running
    assert running.is_awake


@pytest.mark.parametrize("page", ["/admin/", "/history/"])
def test_admins_see_a_banner_while_models_may_run_without_a_sandbox(
    page: str, alice: User, ada: User, settings: Settings
) -> None:
    words = "may be opened without a sandbox"
    seen = {}
    for is_allowed in (False, True):
        settings.ALLOW_UNSANDBOXED_MODELS = is_allowed
        for person in (alice, ada):
            client = Client()
            client.force_login(person)
            seen[is_allowed, person] = words in client.get(page).text

    assert seen == {
        (False, alice): False,
        (False, ada): False,
        (True, alice): False,
        (True, ada): True,
    }
