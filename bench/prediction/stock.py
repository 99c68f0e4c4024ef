"""The baseline: Prefect's own process worker serving the same flow from a pool of its own.

Its clock starts when the flow run is created, since nothing of ours stands before that; the worker,
its pool and its deployment are as `prefect worker start --type process` makes them.
"""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from django.conf import settings
from django.utils import timezone

from bench.prediction.round_trip import Sample, Watcher, with_prefect
from bench.stack import FOLDER, REPOSITORY
from executions.models import Attempt, Execution
from models_registry.models import ModelVersion

POOL = "stock"
START_SECONDS = 60.0


@contextmanager
def worker() -> Iterator[uuid.UUID]:
    """Run a stock worker; yield the deployment that it serves."""
    log = FOLDER / "stock-worker.log"
    environment = {
        **os.environ,
        "PREFECT_API_URL": settings.PREFECT_API_URL,
        "PREFECT_API_AUTH_STRING": settings.PREFECT_API_AUTH_STRING,
    }
    arguments = ["worker", "start", "--pool", POOL, "--type", "process"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _deployment(log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _prefect() -> httpx.Client:
    user, _, password = settings.PREFECT_API_AUTH_STRING.partition(":")
    return httpx.Client(base_url=settings.PREFECT_API_URL, auth=(user, password), timeout=30)


def _deployment(log: Path) -> uuid.UUID:
    """Return the same flow's deployment in the stock pool, once the worker has made the pool."""
    with _prefect() as prefect:
        deadline = time.monotonic() + START_SECONDS
        while prefect.get(f"/work_pools/{POOL}").status_code != 200:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the stock worker did not start: {log.read_text()[-1000:]}")
            time.sleep(0.2)
        flow = prefect.post("/flows/", json={"name": "predict"}).raise_for_status().json()
        answer = prefect.post(
            "/deployments/",
            json={
                "name": "stock-process-worker",
                "flow_id": flow["id"],
                "work_pool_name": POOL,
                "entrypoint": "flows.predict.predict",
                "enforce_parameter_schema": False,
                "job_variables": {
                    "working_dir": str(REPOSITORY),
                    "env": {"PYTHONPATH": str(REPOSITORY), "STACK_DIR": os.environ["STACK_DIR"]},
                },
            },
        ).raise_for_status()
        return uuid.UUID(answer.json()["id"])


def one(deployment: uuid.UUID, version: ModelVersion, like: Execution, watcher: Watcher) -> Sample:
    """Make one prediction by the stock worker, with the inputs of one of ours."""
    execution = Execution.objects.create(
        user=like.user,
        version=version,
        version_sha256=version.sha256,
        version_revision=version.revision,
        inputs=like.inputs,
        inputs_sha256=like.inputs_sha256,
        deadline=timezone.now() + timedelta(minutes=15),
        dispatch_after=timezone.now() + timedelta(hours=1),  # nobody else hands it over
    )
    parameters = {"execution_id": str(execution.pk), "attempt": 1, "inputs": like.inputs}
    with _prefect() as prefect:
        began, wall = time.perf_counter(), time.time()
        run = prefect.post(
            f"/deployments/{deployment}/create_flow_run",
            json={"parameters": parameters, "state": {"type": "SCHEDULED"}},
        ).raise_for_status()
    Attempt.objects.update_or_create(
        execution=execution, number=1, defaults={"flow_run_id": run.json()["id"]}
    )
    return with_prefect(execution.pk, wall, *watcher.until_readable(execution.pk, began))
