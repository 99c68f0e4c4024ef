import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.config.stack.driver import Stack


@pytest.fixture
def stack() -> Iterator[Stack]:
    """Yield a stack folder of this test's own, stopped at the end."""
    with new_stack() as stack:
        yield stack


@contextmanager
def new_stack() -> Iterator[Stack]:
    """Yield a stack folder that root's PostgreSQL can enter, stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="stack-", dir=os.environ["STACK_DIR"])).resolve()
    folder.chmod(0o711)
    stack = Stack(folder)
    yield stack
    stack.run("down")
    shutil.rmtree(folder)
