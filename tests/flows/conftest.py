"""A real Prefect server and real resident workers for the tests that must see them."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import Settings

from config.stack.testing import prefect_server
from models_registry import prefect_gateway


@pytest.fixture(scope="session")
def prefect_url() -> Iterator[str]:
    """A real Prefect server, started once and only if a test asks."""
    with prefect_server() as url:
        yield url


@pytest.fixture
def real_prefect(prefect_url: str, settings: Settings) -> str:
    """The gateway speaks to the real server; each test has a work pool of its own."""
    settings.PREFECT_API_URL = prefect_url
    settings.PREFECT_WORK_POOL = f"pool-{uuid.uuid4().hex[:8]}"
    return prefect_url
