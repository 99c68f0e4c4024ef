"""The page that tries a version in another runtime and moves it there."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from config.runtimes import default_minor
from engine import heartbeats, wakeup
from engine.heartbeats import Heartbeat
from executions.trials.runtime_impact import runtime_impact_of
from model_host.protocol.orders import SelfTest
from models_registry.inputs.feature_spec import TargetSpec
from models_registry.models import ModelVersion, Rehearsal, TestCase
from tests.factories import LOAN_OUTPUTS, make_execution, make_version

OWN, OTHER = "1.5", default_minor()


def given(value: Any, confidence: float | None = None, *, passes: bool | None = None) -> Any:
    return {"values": [value], "confidences": [confidence], "passes": passes}


def beside(own: Any, other: Any, *, is_equal: bool = False) -> Any:
    return {"own": own, "other": other, "is_equal": is_equal}


@pytest.fixture
def version(db: None) -> ModelVersion:
    """Return a live version that 1.5 serves."""
    return make_version(is_active=True, runtime=OWN)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Heartbeat]:
    """Return the heartbeats of the living workers: one, with both runtimes."""
    beats = {"one": Heartbeat(timezone.now(), SelfTest(passed=True), runtimes=(OWN, OTHER))}
    monkeypatch.setattr(heartbeats, "heartbeats", lambda: beats)
    return beats


@pytest.fixture
def warmed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Return what workers are asked to open."""
    asked: list[tuple[int, str]] = []

    def warm(pk: int, *, runtime: str = "", wait_seconds: float = 0.0) -> bool:
        asked.append((pk, runtime))
        return True

    monkeypatch.setattr(wakeup, "warm", warm)
    return asked


def address(version: ModelVersion, name: str = "runtime") -> str:
    return reverse(f"admin:executions_execution_{name}", args=[version.pk])


def tried(version: ModelVersion, *results: Any, of: list[Any] | None = None) -> Rehearsal:
    return Rehearsal.objects.create(
        version=version,
        kind="runtime",
        sha256=version.sha256,
        revision=version.revision,
        own_runtime=OWN,
        runtime=OTHER,
        of=of or [str(make_execution(version=version).pk) for _ in results],
        results=list(results),
        status="succeeded",
        finished_at=timezone.now(),
    )


@pytest.mark.usefixtures("workers")
def test_a_try_takes_the_saved_cases_and_the_last_real_inputs(
    as_ada: Client, version: ModelVersion
) -> None:
    case = TestCase.objects.create(version=version, name="Tenant", inputs={}, expected=[0])
    asked = make_execution(version=version, outputs=LOAN_OUTPUTS)
    change = reverse("admin:models_registry_modelversion_change", args=[version.pk])
    assert f"Try with scikit-learn {OTHER}" in as_ada.get(f"{change}?tab=tests").content.decode()

    as_ada.post(address(version), {"runtime": OTHER})

    row = version.rehearsals.get()
    assert (row.kind, row.own_runtime, row.runtime) == ("runtime", OWN, OTHER)
    assert row.of == [case.pk, str(asked.pk)]
    assert b"Both answer 2 sets of inputs" in as_ada.get(address(version)).content


def test_only_runtimes_of_living_workers_are_offered(
    as_ada: Client, version: ModelVersion, workers: dict[str, Heartbeat]
) -> None:
    workers.clear()

    page = as_ada.get(address(version)).content.decode()
    refused = as_ada.post(address(version), {"runtime": OTHER}, follow=True).content.decode()

    assert "No worker has another scikit-learn." in page
    assert f"No worker has scikit-learn {OTHER} now." in refused
    assert not version.rehearsals.exists()


@pytest.mark.usefixtures("workers")
def test_the_page_counts_equal_answers_and_says_how_the_others_differ(
    as_ada: Client, version: ModelVersion
) -> None:
    tried(
        version,
        beside(given(0, 0.75), given(0, 0.75), is_equal=True),
        beside(given(0, 0.75), given(0, 0.5)),
        beside(given(0, 0.75), given(1, 0.625)),
        beside(given(0, 0.75), {"error": "The model failed"}),
        {"skipped": "It is gone."},
    )

    page = as_ada.get(address(version)).content.decode()

    assert "4 of 5" in page
    assert "1, 33.3 %" in page
    assert "Repays → Defaults" in page
    assert "25.0 points" in page
    assert f"No answer with {OTHER}" in page
    assert "2 of 3 answers differ" in page


def test_numbers_say_how_far_they_moved_even_in_the_last_digits(db: None) -> None:
    target = TargetSpec("", "Price", unit="€")
    version = make_version(targets=(target,), task="regression", runtime=OWN)
    row = tried(
        version,
        beside(given(10.0), given(10.0), is_equal=True),
        beside(given(0.3), given(0.30000000000000004)),
    )

    result = runtime_impact_of(row)

    assert (result.equal, result.differing, result.is_equal) == (1, 1, False)
    assert result.impact.largest_text == "€ 5.551e-17"


def test_the_cases_that_pass_no_more_are_named_with_both_answers(
    as_ada: Client, version: ModelVersion, workers: dict[str, Heartbeat]
) -> None:
    case = TestCase.objects.create(version=version, name="Tenant", inputs={}, expected=[0])
    tried(version, beside(given(0, passes=True), given(1, passes=False)), of=[case.pk])

    page = as_ada.get(address(version)).content.decode()

    assert "Tenant" in page
    assert "no longer passes" in page
    assert f"Repays with {OWN}, Defaults with {OTHER}" in page


@pytest.mark.usefixtures("workers")
def test_one_click_moves_a_live_version_after_the_workers_opened_it_and_another_moves_it_back(
    as_ada: Client, version: ModelVersion, warmed: list[tuple[int, str]]
) -> None:
    tried(version, beside(given(0), given(0), is_equal=True))

    as_ada.post(address(version, "choose_runtime"), {"runtime": OTHER})

    version.refresh_from_db()
    assert (version.runtime, warmed[0]) == (OTHER, (version.pk, OTHER))
    page = as_ada.get(address(version)).content.decode()
    assert f"Before, scikit-learn {OWN} did." in page
    assert f"Serve v1 with scikit-learn {OWN}" in page

    as_ada.post(address(version, "choose_runtime"), {"runtime": OWN})
    version.refresh_from_db()
    assert version.runtime == OWN


@pytest.mark.usefixtures("workers", "warmed")
def test_nobody_moves_a_version_to_a_runtime_that_it_was_not_tried_in(
    as_ada: Client, version: ModelVersion
) -> None:
    moved = as_ada.post(address(version, "choose_runtime"), {"runtime": OTHER}, follow=True)

    version.refresh_from_db()
    assert version.runtime == OWN
    assert "were not tried with scikit-learn" in moved.content.decode()


def test_a_version_is_not_moved_to_a_runtime_that_no_worker_has(
    as_ada: Client, version: ModelVersion, workers: dict[str, Heartbeat]
) -> None:
    tried(version, beside(given(0), given(0), is_equal=True))
    workers["one"] = Heartbeat(timezone.now(), SelfTest(passed=True), runtimes=(OWN,))

    page = as_ada.post(address(version, "choose_runtime"), {"runtime": OTHER}, follow=True)

    version.refresh_from_db()
    assert version.runtime == OWN
    assert f"No worker has scikit-learn {OTHER} now." in page.content.decode()


def test_a_try_that_waits_for_a_runtime_says_which_and_how_to_get_it(
    as_ada: Client, version: ModelVersion, workers: dict[str, Heartbeat], settings: Settings
) -> None:
    settings.PREFECT_WORK_POOL = f"pool-{uuid.uuid4()}"  # without the workers of other tests
    as_ada.post(address(version), {"runtime": OTHER})
    Rehearsal.objects.update(requested_at=timezone.now() - timedelta(minutes=1))
    heartbeats.beat("another", replace(workers["one"], runtimes=(OTHER,)))

    page = as_ada.get(address(version)).content.decode()

    heartbeats.stop_beating("another")
    assert f"No worker has scikit-learn {OWN} at the moment." in page
