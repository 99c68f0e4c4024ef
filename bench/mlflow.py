"""MLflow's scorer, `mlflow models serve`, with the forest that is measured.

MLflow needs libraries of its own: the environment of `make peers`, or another with it.
"""

import os
import socket
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import joblib

from bench import stack

PEERS = stack.REPOSITORY / ".stack" / "peers" / "peers"
SAVE = (
    "import joblib, mlflow.sklearn, sys;"
    " mlflow.sklearn.save_model("
    " joblib.load(sys.argv[1]), sys.argv[2], serialization_format='cloudpickle')"
)


@dataclass(frozen=True)
class Scorer:
    """A running scorer: its process, and the forest's inputs in order."""

    pid: int
    names: list[str]
    site: httpx.Client

    def answers(self, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Return one answer for each row, from one request."""
        body = {"dataframe_split": {"columns": self.names, "data": rows}}
        answer = self.site.post("/invocations", json=body).raise_for_status()
        return list(answer.json()["predictions"])


@contextmanager
def serving(peers: Path, names: list[str]) -> Iterator[Scorer | None]:
    """Run the scorer; None where the environment has no MLflow."""
    python = peers / "bin" / "python"
    if not python.exists():
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder, file = stack.FOLDER / f"mlflow-{uuid.uuid4().hex[:8]}", stack.FOLDER / "forest.joblib"
    joblib.dump(stack.forest(), file)
    programs = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": programs, "HOME": str(stack.FOLDER), "MLFLOW_DISABLE_TELEMETRY": "true"}
    subprocess.run(
        [python, "-W", "ignore", "-c", SAVE, file, folder], check=True, env=environment,
        cwd=stack.FOLDER,
    )  # fmt: skip
    command = [
        str(python.parent / "mlflow"), "models", "serve", "--model-uri", str(folder),
        "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    with (stack.FOLDER / "mlflow.log").open("wb") as log:
        server = subprocess.Popen(
            command, env=environment, cwd=stack.FOLDER, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as site:
            stack.until(
                lambda: _is_there(site), "mlflow models serve did not start: see mlflow.log"
            )
            yield Scorer(server.pid, names, site)
    finally:
        os.killpg(server.pid, 15)
        server.wait(20)


def _is_there(site: httpx.Client) -> bool:
    try:
        return site.get("/ping").status_code == 200
    except httpx.TransportError:
        return False
