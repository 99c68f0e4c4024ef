"""The runtimes of the tests: installed once by ``manage.py runtime add``'s own function, from the
registry, into a folder beside the test servers' data, and used by every later run.

``pytest_in_runtime`` runs test modules with the libraries of a runtime: pytest itself is the
product's.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from config import runtimes
from config.packages import runtime_install
from config.stack.environment import REPOSITORY

FOLDER = Path(os.environ.get("TEST_RUNTIMES_DIR") or REPOSITORY / ".stack" / "test" / "runtimes")
BESIDE = "1.5"
"""The runtime that `make test` tries beside the product's own; `make runtimes` tries all."""

_OTHERS = [
    one.minor
    for one in runtimes.offers(FOLDER)
    if not one.is_default and "has no wheels" not in one.problem
]
OTHERS = _OTHERS if os.environ.get("ALL_RUNTIMES") else [BESIDE]
EVERY = [*OTHERS, runtimes.default_minor()]
_RUN = """
import sys
sys.path.append(sys.argv[1])
import pytest
sys.exit(pytest.main(sys.argv[2:]))
"""


@cache
def python_of(minor: str) -> str:
    """The interpreter of a runtime, which is installed where it is not there yet."""
    if minor != runtimes.default_minor():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / ".turn").open("w") as turn:  # pytest-xdist's workers wait for one another
            fcntl.flock(turn, fcntl.LOCK_EX)
            runtime_install.add(minor, FOLDER)
    return runtimes.executable(FOLDER, minor)


def run_in(minor: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the runtime's interpreter in the repository, on one thread, as the host does."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "ignore"}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [python_of(minor), *words], cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )


def pytest_in_runtime(minor: str, *modules: str) -> str:
    """Run test modules under a runtime's libraries and return the last line: how many passed.
    Fails the test with what they print where one of them fails."""
    packages = str(Path(pytest.__file__).parents[1])
    words = ["-q", "--noconftest", "-c", os.devnull, "--rootdir", str(REPOSITORY), "--tb=short"]
    words += ["-p", "no:cacheprovider", "-p", "no:django", "-p", "no:xdist", "-W", "ignore"]
    done = run_in(minor, "-c", _RUN, packages, *words, *modules)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]
