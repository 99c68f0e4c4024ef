"""The scikit-learn of a version on pages: which saved and which serves it, what people wait for,
and the choice of another."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from redis import Redis

from accounts.models import ActivityEvent, User
from config.runtimes import default_minor
from engine import heartbeats, wakeup
from engine.heartbeats import Heartbeat
from executions import sweep
from executions.models import Execution
from model_host.protocol.codec import to_json
from model_host.protocol.orders import SelfTest
from models_registry.admin.inspection_page import inspection_context
from models_registry.card.version_zip import describe
from models_registry.inspection_steps import Report
from models_registry.models import Inspection, ModelVersion, Rehearsal
from tests.factories import make_execution, make_report, make_version

OWN = default_minor()
LACKS = "No worker has scikit-learn 1.5 at the moment."
COMMAND = "manage.py runtime add 1.5"


@pytest.fixture(autouse=True)
def no_worker(settings: Settings) -> Iterator[None]:
    """A database of Redis of this process's own, in which no worker lives."""
    server = settings.REDIS_URL.rpartition("/")[0]
    settings.REDIS_URL = f"{server}/{1 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])}"
    redis = wakeup.quick_redis()
    redis.flushdb()
    yield
    redis.flushdb()


def alive(name: str = "ann", *runtimes: str) -> None:
    beat = Heartbeat(timezone.now(), SelfTest(passed=True), runtimes=runtimes or (OWN,))
    heartbeats.beat(name, beat)


def address(version: ModelVersion, page: str = "change") -> str:
    return f"/admin/models_registry/modelversion/{version.pk}/{page}/"


def words(page: Any) -> str:
    return " ".join(page.content.decode().split())


def served(*, runtime: str = "1.5", ran: str = "1.5.2", **fields: Any) -> ModelVersion:
    """A version that a file of scikit-learn 1.5.2 became."""
    version = make_version(runtime=runtime, libraries_trained={"scikit-learn": "1.5.2"}, **fields)
    Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status="succeeded",
        finished_at=timezone.now(),
        report=make_report(libraries_running={"scikit-learn": ran}),
    )
    return version


def refused(needs: str = "1.5") -> Inspection:
    """A file that no worker could open for the want of its runtime."""
    version = make_version(is_tested=False, container="")
    return Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status="failed",
        finished_at=timezone.now(),
        message=f"The file was saved with scikit-learn {needs}.2.",
        steps=[{"name": "Version that saved it", "state": "failed", "detail": ""}],
        report=to_json(Report(needs_runtime=needs)),
    )


def rehearsal(version: ModelVersion, kind: str, **fields: Any) -> Rehearsal:
    return Rehearsal.objects.create(
        version=version, sha256=version.sha256, revision=version.revision, kind=kind, **fields
    )


@pytest.mark.parametrize("page", ["change", "card"])
def test_the_pages_of_a_version_say_what_saved_and_what_serves_it(
    as_ada: Client, db: None, page: str
) -> None:
    said = words(as_ada.get(address(served(), page), {"tab": "file"}))
    assert "<dt>Saved with</dt><dd>scikit-learn 1.5.2</dd>" in said
    assert "<dt>Served by</dt><dd>scikit-learn 1.5.2</dd>" in said


def test_a_version_that_another_runtime_serves_since_its_inspection_names_that(
    as_ada: Client, db: None
) -> None:
    said = words(as_ada.get(address(served(runtime="1.9", ran="1.5.2")), {"tab": "file"}))
    assert "<dt>Served by</dt><dd>scikit-learn 1.9</dd>" in said


def test_a_version_inspected_before_there_were_runtimes_names_what_ran_it(
    as_ada: Client, db: None
) -> None:
    said = words(as_ada.get(address(served(runtime="", ran="1.9.1")), {"tab": "file"}))
    assert "<dt>Served by</dt><dd>scikit-learn 1.9.1</dd>" in said


def test_a_backup_and_a_comparison_say_what_saved_and_what_serves_a_version(
    as_ada: Client, db: None
) -> None:
    before = served()
    after = served(runtime="1.9", ran="1.9.1", model=before.model)
    told = describe(before)
    assert (told["saved_with"], told["served_by"]) == ("scikit-learn 1.5.2", "scikit-learn 1.5.2")
    assert told["runtime"] == "1.5"
    page = as_ada.get(f"/admin/models_registry/registeredmodel/{before.model_id}/compare/")
    differing = {row.label: (row.before, row.after) for row in page.context["comparison"].differing}
    assert differing["Served by"] == ("scikit-learn 1.5.2", "scikit-learn 1.9.1")
    assert after.number == 2


def test_a_file_without_its_runtime_shows_the_command_and_looks_for_the_next_inspection(
    as_ada: Client, db: None
) -> None:
    row = refused()
    page = words(as_ada.get(address(row.version)))
    assert f'<code class="command" tabindex="0">{COMMAND}</code>' in page
    assert f"inspection/?after={row.pk}" in page
    assert as_ada.get(address(row.version, "inspection"), {"after": row.pk}).status_code == 204
    Inspection.objects.create(version=row.version, sha256=row.sha256)
    again = as_ada.get(address(row.version, "inspection"), {"after": row.pk})
    assert "data-open" in words(again)
    assert "hx-get" not in words(again)


def test_an_admin_may_have_a_file_inspected_by_what_the_workers_have_all_the_same(
    as_ada: Client, ada: User
) -> None:
    row = refused()
    alive("ann", OWN)
    alive("bob", "1.6", OWN)
    page = words(as_ada.get(address(row.version)))
    assert page.index(f"Inspect with scikit-learn {OWN} all the same") < page.index(
        "Inspect with scikit-learn 1.6 all the same"
    )
    as_ada.post(address(row.version, "inspect"), {"runtime": OWN, "other_numbers": "on"})
    latest = row.version.inspections.first()
    assert latest is not None
    assert (latest.status, latest.runtime) == ("queued", OWN)
    event = ActivityEvent.objects.get(action="runtime chosen")
    assert event.actor == ada
    assert event.after == {"scikit-learn": OWN, "may answer with other numbers": "known"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"runtime": OWN}, "Tick that you know that it may answer with other numbers."),
        ({"runtime": "1.4", "other_numbers": "on"}, "No worker has scikit-learn 1.4 any more."),
        ({"runtime": "../x", "other_numbers": "on"}, "No worker has scikit-learn ../x any more."),
    ],
)
def test_another_runtime_takes_the_tick_and_a_worker_that_has_it(
    as_ada: Client, db: None, given: dict[str, str], sentence: str
) -> None:
    row = refused()
    alive()
    page = as_ada.post(address(row.version, "inspect"), given, follow=True)
    assert sentence in words(page)
    assert row.version.inspections.count() == 1


@pytest.mark.parametrize("needs", ["0.24", "1.10"])
def test_a_version_that_can_have_no_runtime_offers_another_one_and_no_command(
    as_ada: Client, db: None, needs: str
) -> None:
    row = refused(needs)
    alive()
    page = words(as_ada.get(address(row.version)))
    assert "manage.py runtime add" not in page
    assert '<details class="fold" open>' in page
    assert "Train the model again, or inspect the file with another one." in page


def test_without_a_worker_no_other_runtime_is_offered(as_ada: Client, db: None) -> None:
    assert "all the same" not in words(as_ada.get(address(refused().version)))


def waiting_pages(version: ModelVersion) -> dict[str, str]:
    """The pages on which an admin waits for a worker that has the version's runtime."""
    since = timezone.now() - timedelta(seconds=20)
    Inspection.objects.create(
        version=version, sha256=version.sha256, runtime="1.5", requested_at=since
    )
    rehearsal(version, "check", requested_at=since)
    rehearsal(version, "impact", requested_at=since)
    test = make_execution(version=version, purpose="test", requested_at=since)
    return {
        "inspection": address(version, "inspection"),
        "check of the file": address(version, "verify"),
        "impact": f"/admin/executions/execution/impact/{version.pk}/",
        "test": f"/admin/executions/execution/test/{version.pk}/?run={test.pk}",
        "execution": f"/admin/executions/execution/{test.pk}/change/",
    }


@pytest.mark.parametrize("page", ["inspection", "check of the file", "impact", "test", "execution"])
def test_where_an_admin_waits_for_a_runtime_that_no_worker_has_the_page_says_so(
    as_ada: Client, db: None, page: str
) -> None:
    url = waiting_pages(served())[page]
    alive("ann", OWN)
    said = words(as_ada.get(url))
    assert LACKS in said
    assert COMMAND in said
    alive("bob", "1.5", OWN)
    assert LACKS not in words(as_ada.get(url))


def waits(seconds: int, **fields: Any) -> Execution:
    version = fields.pop("version", None) or served(is_active=True)
    since = timezone.now() - timedelta(seconds=seconds)
    return make_execution(version=version, requested_at=since, **fields)


def test_a_person_whose_prediction_waits_for_a_runtime_is_told_and_no_command(
    as_alice: Client, alice: User
) -> None:
    execution = waits(20, user=alice)
    alive("ann", OWN)
    said = words(as_alice.get(f"/predictions/{execution.pk}/status/"))
    assert LACKS in said
    assert "Your prediction starts as soon as one has; you can leave this page." in said
    assert COMMAND not in said


@pytest.mark.parametrize(
    ("seconds", "runtime", "alone"),
    [(2, "1.5", False), (20, "", False), (20, OWN, False), (20, "1.5", True)],
    ids=["it came just now", "any worker will do", "a worker has it", "no worker lives"],
)
def test_nothing_is_said_of_runtimes_where_they_are_not_what_is_missing(
    as_alice: Client, alice: User, seconds: int, runtime: str, alone: bool
) -> None:
    execution = waits(seconds, user=alice, version=served(runtime=runtime, is_active=True))
    if not alone:
        alive("ann", OWN)
    assert "No worker has" not in words(as_alice.get(f"/predictions/{execution.pk}/status/"))


def test_the_form_of_a_model_whose_runtime_is_missing_still_works(
    as_alice: Client, alice: User
) -> None:
    execution = waits(20, user=alice)
    alive("ann", OWN)
    page = as_alice.get(f"/models/{execution.version.model.slug}/")
    assert page.status_code == 200
    assert "No worker has" not in words(page)


def test_what_is_missing_costs_no_query_and_one_read_of_redis(
    alice: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    execution = waits(20, user=alice)
    alive("ann", OWN)
    asked = []
    ask: Callable[..., Any] = Redis.execute_command

    def counting(redis: "Redis", *command: Any, **options: Any) -> Any:
        asked.append(command[0])
        return ask(redis, *command, **options)

    monkeypatch.setattr(Redis, "execute_command", counting)
    with django_assert_num_queries(0):
        assert heartbeats.missing_runtime(execution, execution.version.runtime) is not None
    assert asked == ["MGET"]


def test_what_expires_because_no_worker_has_its_runtime_says_so(
    as_alice: Client, alice: User
) -> None:
    execution = waits(20, user=alice)
    Execution.objects.filter(pk=execution.pk).update(deadline=timezone.now() - timedelta(seconds=1))
    alive("ann", OWN)
    sweep.sweep()
    execution.refresh_from_db()
    assert execution.error_code == "EXPIRED"
    page = words(as_alice.get(f"/predictions/{execution.pk}/"))
    minor = execution.version.runtime
    assert f"No worker had scikit-learn {minor}, which this model needs." in page
    assert "The system was busy" not in page


def test_what_expires_while_a_worker_has_its_runtime_met_a_busy_system(
    as_alice: Client, alice: User
) -> None:
    execution = waits(20, user=alice)
    Execution.objects.filter(pk=execution.pk).update(deadline=timezone.now() - timedelta(seconds=1))
    alive("ann", OWN, execution.version.runtime)
    sweep.sweep()
    page = words(as_alice.get(f"/predictions/{execution.pk}/"))
    assert "The system was busy; your prediction was not started." in page


def test_without_redis_nothing_is_said_of_runtimes(alice: User, settings: Settings) -> None:
    execution = waits(20, user=alice)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert heartbeats.missing_runtime(execution, execution.version.runtime) is None
    assert inspection_context(refused().version).seen.offered == ()  # type: ignore[union-attr]
