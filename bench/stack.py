"""The embedded stack that is measured, separate from any other, so that it holds nobody's data and
nobody's rate limit applies."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from config.stack.supervision import record

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / ".stack" / "bench"
MODEL = "Iris forest"
ADMIN = "admin@example.com"
TREES = 100
START_SECONDS, LOOK_SECONDS = 120.0, 0.1
STACK = FOLDER / "stack"
LIMITS = {
    "PREDICTIONS_PER_MINUTE": "1000000",
    "UPLOADS_PER_HOUR": "1000000",
    "API_REQUESTS_PER_MINUTE": "1000000",
}
PROXY = {"TRUSTED_PROXIES": "1"}
"""So that people can come from addresses of their own: 30 a minute may sign in from one."""
METRICS_TOKEN = "bench"


@contextmanager
def running() -> Iterator[None]:
    """Yield the stack in `.stack/bench/stack`, started if it does not run, and then stopped again.

    Inside, this process has the stack's environment, so the product's settings can be read.
    """
    folder = STACK
    os.environ["STACK_DIR"] = str(folder)
    os.environ |= LIMITS | PROXY | {"METRICS_TOKEN": METRICS_TOKEN}
    is_ours = not record.is_held(folder)
    if is_ours:
        manage("up", "--detach")
    try:
        yield
    finally:
        if is_ours:
            manage("down")


def until(is_so: Callable[[], bool], sentence: str) -> None:
    """Wait until something of a server that starts is so. Raises RuntimeError after two minutes."""
    deadline = time.monotonic() + START_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(sentence)
        time.sleep(LOOK_SECONDS)


def set_up() -> None:
    """Let this process use the product's own code, on the stack that runs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()


def manage(*arguments: str) -> str:
    """Run a management command in a process of its own; what it printed last."""
    print("$ manage.py", *arguments, flush=True)
    command = [sys.executable, str(REPOSITORY / "manage.py"), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="", flush=True)
    return done.stdout.strip().rpartition("\n")[2]


def has_forest() -> bool:
    """Return whether a version of the forest is live. Asks PostgreSQL, before this process has
    anything to do with the product's settings: the next start may give the stack other ports."""
    running = record.read(STACK)
    assert running is not None, "a stack that runs has a record"
    question = """SELECT 1 FROM models_registry_modelversion v
                  JOIN models_registry_registeredmodel m ON m.id = v.model_id
                  WHERE m.name = %s AND v.status = 'active'"""
    with psycopg.connect(running.values["DATABASE_URL"]) as database:
        return database.execute(question, [MODEL]).fetchone() is not None


def forest(seed: int = 0) -> Any:
    """Train a forest of 100 trees on iris."""
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier

    iris = load_iris(as_frame=True)
    return RandomForestClassifier(TREES, random_state=seed).fit(iris.data, iris.target)


def publish_forest(*, seed: int = 0, is_live: bool = True) -> str:
    """Publish a forest, as an admin would from a script, or leave it a tested draft; its file's
    sha256."""
    import joblib
    from sklearn.datasets import load_iris

    typical = load_iris(as_frame=True).data.iloc[60]
    sample = json.dumps({name: float(value) for name, value in typical.items()})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "forest.joblib"
        joblib.dump(forest(seed), file, compress=3)
        told = manage(
            "publish_model", str(file), "--model", MODEL, "--by", ADMIN, "--test", sample,
            "--json", *(("--promote",) if is_live else ()),
        )  # fmt: skip
    return str(json.loads(told)["sha256"])
