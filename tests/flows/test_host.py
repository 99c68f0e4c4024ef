"""The settings of the model host as they reach it, and what a worker says about its sandbox."""

import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from flows import host, inspection, predict
from flows.approvals import approvable
from flows.errors import InspectionFailed
from flows.housekeeping import Housekeeping
from flows.model_host.client import ModelHost
from flows.model_host.protocol.artifact import Artifact, Limits
from flows.model_host.protocol.errors import HostError
from flows.model_host.protocol.orders import SelfTest
from models_registry import wakeup
from models_registry.models import Inspection, ModelVersion
from tests.flows.model_host.observed import children_of, status_of
from tests.flows.resident import ask

FINDING = "A locked process could read a file."


pytestmark = pytest.mark.usefixtures("no_renewal")


@pytest.fixture
def started(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ModelHost]]:
    """Starts this process's model host anew, with these settings."""
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"
    hosts: list[ModelHost] = []

    def start(**changed: object) -> ModelHost:
        for name, value in changed.items():
            setattr(settings, name, value)
        monkeypatch.setattr(host, "_host", cache(host._host.__wrapped__))
        hosts.append(host.model_host())
        return hosts[-1]

    yield start
    for each in hosts:
        each.close()


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel on which the self-test fails."""
    failed = SelfTest(passed=False, findings=(FINDING,))
    monkeypatch.setattr("flows.model_host.sandbox.self_test", lambda zygote: failed)


def zygotes() -> set[int]:
    return {pid for pid in children_of(os.getpid()) if status_of(pid)["Name"] == "model-zygote"}


def inspect(version: ModelVersion) -> Inspection:
    row = Inspection.objects.create(version=version, sha256=version.sha256)
    with suppress(InspectionFailed):
        inspection.claim(row.pk, 1).carry_out()
    return Inspection.objects.get(pk=row.pk)


@pytest.mark.parametrize(("is_one_each", "kept"), [(True, 0), (False, 1)])
def test_the_site_decides_whether_a_process_answers_more_than_once(
    is_one_each: bool, kept: int, iris: ModelVersion, started: Callable[..., ModelHost]
) -> None:
    others = zygotes()
    started(ONE_CHILD_PER_PREDICTION=is_one_each)
    (zygote,) = zygotes() - others
    execution = ask(iris)

    predict.claim(str(execution.pk), 1).carry_out()

    execution.refresh_from_db()
    assert execution.status == "succeeded"
    assert len(children_of(zygote)) == kept


def test_where_the_sandbox_does_not_hold_no_file_is_opened_and_the_page_says_why(
    iris: ModelVersion, started: Callable[..., ModelHost], no_sandbox: None
) -> None:
    started()

    row = inspect(iris)

    assert row.status == "failed"
    assert row.message == f"This server cannot open models safely: {FINDING}"


def test_only_the_setting_opens_files_without_a_sandbox(
    iris: ModelVersion, started: Callable[..., ModelHost], no_sandbox: None
) -> None:
    started(ALLOW_UNSANDBOXED_MODELS=True)

    assert inspect(iris).status == "succeeded"


@pytest.mark.parametrize(
    ("is_allowed", "words"),
    [(False, "BOOSTERS_ALLOWED=1 in the server's settings"), (True, "not have. Install it on the")],
)
def test_boosters_open_only_where_the_site_allows_them(
    is_allowed: bool, words: str, started: Callable[..., ModelHost], tmp_path: Path
) -> None:
    """No booster is installed here, so what tells is whether the name or the library is missing."""
    others = zygotes()
    boosting = started(BOOSTERS_ALLOWED=is_allowed)
    (zygote,) = zygotes() - others
    content = b"\x80\x04\x8c\x0fxgboost.sklearn\x8c\x0dXGBClassifier\x93)\x81."
    (tmp_path / "boosted").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()

    with pytest.raises(HostError, match=re.escape(words)) as caught:
        boosting.warm(Artifact(digest, tmp_path / "boosted", "pickle"), Limits())

    assert caught.value.refused == (("xgboost.sklearn", "XGBClassifier"),)
    assert approvable(caught.value.refused, []) == []
    words_of_zygote = Path(f"/proc/{zygote}/cmdline").read_bytes().split(b"\0")
    assert (b"boosters" in words_of_zygote) == is_allowed


def test_a_heartbeat_tells_what_the_self_test_found(
    started: Callable[..., ModelHost], no_sandbox: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Idle:
        size, running = 2, 0

    name = f"worker-{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr("flows.housekeeping.owner", lambda: name)
    started()

    Housekeeping(Idle(), None)._beat()  # type: ignore[arg-type]

    assert wakeup.heartbeats()[name]["self_test"] == {"passed": False, "findings": [FINDING]}
    wakeup.stop_beating(name)


@pytest.mark.parametrize("page", ["/admin/", "/history/"])
def test_admins_see_a_banner_while_models_may_run_without_a_sandbox(
    page: str, alice: User, ada: User, settings: Settings
) -> None:
    words = "may be opened without a sandbox"
    seen = {}
    for is_allowed in (False, True):
        settings.ALLOW_UNSANDBOXED_MODELS = is_allowed
        for person in (alice, ada):
            client = Client()
            client.force_login(person)
            seen[is_allowed, person] = words in client.get(page).text

    assert seen == {
        (False, alice): False,
        (False, ada): False,
        (True, alice): False,
        (True, ada): True,
    }
