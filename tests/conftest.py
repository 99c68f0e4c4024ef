"""The fixtures of every test: alice and bob (users), ada (admin), root (superuser), a live version,
a Prefect that remembers. PostgreSQL, Redis and S3 are real in every test."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.core.management import CommandError
from django.db import transaction
from django.test import Client, TestCase, TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import User
from accounts.privacy import erasure
from config.limits import long_work
from engine import wakeup
from models_registry.models import ModelVersion
from monitoring.health import probes
from tests.clocks import PATIENCE_SECONDS
from tests.factories import make_user, make_version
from tests.fake_prefect import FakePrefect

FLUSHES = 5

_flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


def _flush_again(case: TransactionTestCase) -> None:
    """Empty the tables after a test; again where a worker that outlives the test reads them in
    another order at that moment, and PostgreSQL ends one of the two. The cache's table is no
    model's, and would keep what counts towards somebody's limits. Tables that only grow refuse it
    but for the setting of retention, which holds for this transaction."""
    for left in reversed(range(FLUSHES)):
        try:
            with transaction.atomic(), erasure.record_may_change():
                _flush(case)
        except CommandError as error:
            if not left or "deadlock" not in str(error.__cause__):
                raise
        else:
            cache.clear()
            return


TransactionTestCase._fixture_teardown = _flush_again  # type: ignore[attr-defined]

hypothesis_settings.register_profile(  # no test asserts a time
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("suite")

# What settings do not hold of the product's patience with its servers (`config/settings_test.py`).
wakeup.TIMEOUT_SECONDS = probes.ONE_SECOND = probes.ALL_SECONDS = PATIENCE_SECONDS
ratelimit.CACHE_LOCK_WAIT_TIMEOUT = PATIENCE_SECONDS


MakeOnce = Callable[[Callable[[], Any]], Callable[[], Any]]


@pytest.fixture(scope="module")
def make_once(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[MakeOnce]:
    """Yield what makes rows once for all tests of a file, in a transaction around theirs: no test
    sees what another changed. What it returns gives each test copies of its own.

    For rows that many tests need and that take long to make. A file whose tests commit cannot have
    them.
    """
    with django_db_blocker.unblock():
        atomics = TestCase._enter_atomics()  # type: ignore[attr-defined]

    def make(maker: Callable[[], Any]) -> Callable[[], Any]:
        with django_db_blocker.unblock():
            return partial(deepcopy, maker())

    yield make
    with django_db_blocker.unblock():
        TestCase._rollback_atomics(atomics)  # type: ignore[attr-defined]


PEOPLE: dict[str, dict[str, Any]] = {
    "alice": {"name": "Alice Aoki"},
    "bob": {"name": "Bob Brandt"},
    "ada": {"name": "Ada Admin", "is_staff": True},
    "root": {"name": "Root Rask", "is_staff": True, "is_superuser": True},
}


def make_person(name: str) -> User:
    return make_user(f"{name}@example.com", **PEOPLE[name])


@pytest.fixture
def alice(db: None) -> User:
    return make_person("alice")


@pytest.fixture
def bob(db: None) -> User:
    return make_person("bob")


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


@pytest.fixture
def root(db: None) -> User:
    return make_person("root")


@pytest.fixture
def active_version(db: None) -> ModelVersion:
    return make_version(is_active=True)


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def as_ada(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture(autouse=True)
def free_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test all turns: an answer that nobody reads keeps its own for a while."""
    monkeypatch.setattr(long_work, "turns", long_work.Turns())


@pytest.fixture
def fake_prefect(monkeypatch: pytest.MonkeyPatch) -> FakePrefect:
    """Proved against a real Prefect server in `tests/flows/test_contract.py`."""
    return FakePrefect(makes_what_is_missing=True).install(monkeypatch)
