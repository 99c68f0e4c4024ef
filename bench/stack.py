"""The embedded stack that is measured: one of its own, so that nobody's data or rate is in it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.stack import record

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / ".stack" / "bench"
MODEL = "Iris forest"
ADMIN = "admin@example.com"
TREES = 100


@contextmanager
def running() -> Iterator[None]:
    """The stack in `.stack/bench/stack`, started if it does not run, and then stopped again.

    Inside, this process has the stack's environment, so the product's settings can be read.
    """
    folder = FOLDER / "stack"
    os.environ["STACK_DIR"] = str(folder)
    os.environ["PREDICTIONS_PER_MINUTE"] = "1000000"
    is_ours = not record.is_held(folder)
    if is_ours:
        manage("up", "--detach")
    try:
        yield
    finally:
        if is_ours:
            manage("down")


def manage(*arguments: str) -> None:
    """Run a management command in a process of its own."""
    print("$ manage.py", *arguments, flush=True)
    subprocess.run([sys.executable, str(REPOSITORY / "manage.py"), *arguments], check=True)


def publish_forest() -> None:
    """Train a forest of 100 trees on iris and publish it, as an admin would from a script."""
    import joblib
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier

    iris = load_iris(as_frame=True)
    forest = RandomForestClassifier(TREES, random_state=0).fit(iris.data, iris.target)
    sample = json.dumps({name: float(value) for name, value in iris.data.iloc[60].items()})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "forest.joblib"
        joblib.dump(forest, file, compress=3)
        manage(
            "publish_model", str(file), "--model", MODEL, "--by", ADMIN, "--test", sample,
            "--promote",
        )  # fmt: skip
