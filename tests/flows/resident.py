"""Real resident workers for tests, their requests, and Prefect's view of them."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import sklearn
from django.conf import settings
from django.db import connection
from django.utils import timezone
from sklearn.datasets import load_iris

from engine import gateway
from executions import sweep
from executions.dispatch import dispatch
from executions.models import Attempt, Execution
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.models import ModelVersion
from models_registry.store.storage import store_artifact
from tests.clocks import PATIENCE_SECONDS, until
from tests.factories import make_execution, make_version

IRIS = load_iris(as_frame=True)
INPUTS = {name: float(value) for name, value in IRIS.data.iloc[60].items()}


def serve_iris(content: bytes) -> ModelVersion:
    """Create a live version with this file in the store."""
    sha256 = store_artifact([content]).sha256
    classes = tuple(enumerate(IRIS.target_names.tolist()))
    return make_version(
        features=tuple(FeatureSpec(name, name, Kind.FLOAT) for name in IRIS.data.columns),
        targets=(TargetSpec("", class_labels=classes),),
        is_active=True,
        sha256=sha256,
        tested_sha256=sha256,
    )


OF_1_7 = (
    f"The file was saved with scikit-learn 1.7.2 and does not predict with {sklearn.__version__}, "
    "which runs here (AttributeError: 'SimpleImputer' object has no attribute '_fill_dtype'). "
    "Train the model again with scikit-learn "
    f"{sklearn.__version__.rpartition('.')[0]} and save it."
)
"""The message about a file whose imputer an older version wrote."""
STRANGE: tuple[dict[str, Any], ...] = (
    {},
    {"something": "else"},
    {"execution_id": "no id", "attempt": 1},
    {"execution_id": str(uuid.uuid4()), "attempt": "first"},
    {"execution_id": str(uuid.uuid4()), "attempt": 10**30},
    {"execution_id": [], "attempt": {}, "inputs": []},
    {"inspection_id": "first", "attempt": 1},
)
"""Parameters that name nothing of ours."""


def start(version: ModelVersion, parameters: dict[str, Any]) -> uuid.UUID:
    """Start a run of the version's deployment with these parameters."""
    run = gateway.start_flow_run(
        flow="predict",
        deployment=version.model.slug,
        name="strange",
        parameters=parameters,
        idempotency_key=uuid.uuid4().hex,
    )
    return run.id


def ask(version: ModelVersion) -> Execution:
    """Create a queued execution of the version."""
    return make_execution(version=version, inputs=INPUTS)


def until_finished(execution: Execution, *, sweeping: bool = False) -> None:
    def is_finished() -> bool:
        if sweeping:
            sweep.sweep()
        execution.refresh_from_db()
        return execution.is_finished

    until(is_finished, f"the end of execution {execution.pk}")


def end_lease(execution: Execution) -> None:
    """End the lease of a worker that is gone or suspended, as time would."""
    Execution.objects.running().filter(pk=execution.pk).update(
        lease_until=timezone.now() - timedelta(hours=1)
    )


def prefect_client() -> httpx.Client:
    """Return a client of Prefect's API as the settings name it."""
    user, _, password = settings.PREFECT_API_AUTH_STRING.partition(":")
    return httpx.Client(base_url=settings.PREFECT_API_URL, auth=(user, password))


def api(path: str, body: dict[str, Any] | None = None) -> Any:
    """Prefect's own answer."""
    with prefect_client() as client:
        method = "GET" if body is None else "POST"
        return client.request(method, path, json=body).raise_for_status().json()


def run_id(execution: Execution, attempt: int = 1) -> uuid.UUID:
    found = Attempt.objects.get(execution=execution, number=attempt).flow_run_id
    assert found is not None
    return found


def states(execution: Execution, attempt: int = 1) -> list[str]:
    """Return the types of the run's states in Prefect, first to last."""
    history = gateway.flow_run_states(run_id(execution, attempt))
    return [state.type for state in history]


def until_told(execution: Execution, state: str, attempt: int = 1) -> None:
    """The row is written first; Prefect is told right after."""
    until(lambda: states(execution, attempt)[-1] == state, f"{state} in Prefect")


def hint(execution: Execution) -> dict[str, Any]:
    """Return the wake-up of the execution's run, as the gateway sends it."""
    run = api(f"/flow_runs/{run_id(execution)}")
    return {key: run[key] for key in ("id", "name", "deployment_id", "parameters")}


@dataclass(frozen=True)
class RealWorker:
    """A resident worker in a process of its own."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def name(self) -> str:
        return f"{os.uname().nodename[:50]}-{self.process.pid}"

    @property
    def model_processes(self) -> list[int]:
        """The processes that hold models: children of the worker's child, the zygote."""
        return [pid for zygote in _children(self.process.pid) for pid in _children(zygote)]

    def says(self, words: str) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return words in self.log.read_text()

    def hold_in_mid_predict(self, version: ModelVersion) -> Execution:
        """Return an execution that this worker runs while its model's process is stopped."""
        until(lambda: self.model_processes, "a process that holds the model")
        for pid in self.model_processes:
            os.kill(pid, signal.SIGSTOP)
        execution = ask(version)
        dispatch(execution.pk)
        running = Execution.objects.running().filter(pk=execution.pk)
        until(running.exists, "the execution to run")
        return execution


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after_name[1]) == pid:
            found.append(int(stat.parent.name))
    return found


@contextmanager
def running_worker(
    folder: Path, prefect_url: str, pool: str, *arguments: str
) -> Iterator[RealWorker]:
    """Yield a worker of the pool, on the tests' database; ready when it yields."""
    facts = connection.settings_dict
    address = f"{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.flows.worker_settings",
        "DATABASE_URL": f"postgresql://{address}/{facts['NAME']}",
        "PREFECT_API_URL": prefect_url,
        "PREFECT_WORK_POOL": pool,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "ARTIFACT_CACHE_DIR": str(folder / "artifacts"),
        "WORKER_SLOTS": "2",
    }
    log = folder / f"worker-{uuid.uuid4().hex[:6]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.worker", *arguments],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    worker = RealWorker(process, log)
    try:
        until(lambda: worker.says("started!"), "the worker's start")
        yield worker
    finally:
        for pid in worker.model_processes:
            os.kill(pid, signal.SIGCONT)  # so that nothing is waited for that was stopped here
        for number in (signal.SIGCONT, signal.SIGTERM):
            process.send_signal(number)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
