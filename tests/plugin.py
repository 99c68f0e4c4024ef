"""The pytest plugin that starts real PostgreSQL, Redis and S3 for one test run, before Django reads
its settings.

Loaded early (`-p tests.plugin`). Only the process that the person started brings them up; the
workers of pytest-xdist inherit its environment, but each has a bucket of its own: some tests alter
the very file that others read. With FAIL_ON_SKIP set, a skipped test fails the run.
"""

import gc
import os
import sys
from collections.abc import Generator
from contextlib import ExitStack

import pytest

from config.stack.environment import REPOSITORY
from config.stack.errors import StackError
from config.stack.servers import s3
from config.stack.temporary import servers

# Threads of NumPy and scikit-learn that wait for one another take the processor from the other
# tests: small models are slower with two of them than with one.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
# Hundreds of processes of the product start here. Else each compiles every module of it anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

LONGEST = REPOSITORY / "tests" / "model_host" / "test_runtimes.py"
RUNS = REPOSITORY / ".stack" / "test"
stack = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """A wrapper comes before every plain hook, pytest-django's reading of the settings included."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ["AWS_STORAGE_BUCKET_NAME"] = f"models-{worker}"
        s3.make_bucket(os.environ)
    else:
        try:
            os.environ.update(stack.enter_context(servers(RUNS)).values)
        except StackError as error:
            raise pytest.UsageError(str(error)) from None
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest file among those that would come late: no worker is to end alone."""
    items.sort(key=lambda item: item.path != LONGEST)


def pytest_collection_finish() -> None:
    """What was imported stays for the whole run: no search for garbage need look at it."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and reporter.stats.get("skipped") and os.environ.get("FAIL_ON_SKIP"):
        reporter.write_line("Skipped tests count as failures here (FAIL_ON_SKIP).", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure() -> None:
    stack.close()
