"""Health: what admins are shown and notified of, and the metrics for Prometheus."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.activity import BACKUP_MADE, record
from accounts.models import ActivityEvent, User
from config.version import VERSION
from engine import wakeup
from engine.heartbeats import Heartbeat
from model_host.protocol.orders import SelfTest
from models_registry.models import ModelVersion
from monitoring.health import probes, watch
from monitoring.health.metrics import read_totals
from monitoring.health.probes import Probe, Queue, State, Workers
from notifications.models import Kind, Mail, Notification
from tests.factories import LOAN_OUTPUTS, make_execution, make_version
from tests.fake_prefect import FakePrefect

NOBODY = Workers({})
EMPTY = Queue(0, 0, None)
BEAT = Heartbeat(
    timezone.now(), SelfTest(passed=True), slots=4, running=1, memory_bytes=300 * 1024**2
)


@pytest.fixture(autouse=True)
def cleared(db: None) -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def beating(**changes: Any) -> Heartbeat:
    return replace(BEAT, at=timezone.now(), **changes)


@pytest.fixture
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what was heard fresh for as long as a test takes."""
    for module in (probes, watch):
        monkeypatch.setattr(module, "SILENT", timedelta(hours=1))


def by_name(found: tuple[Probe, ...]) -> dict[str, Probe]:
    return {probe.name: probe for probe in found}


@pytest.mark.usefixtures("no_hurry")
def test_admins_see_every_part_with_its_state(as_ada: Client, fake_prefect: FakePrefect) -> None:
    watch.look_after()
    shown = as_ada.get("/monitoring/health/").content.decode()
    for part in ("Database", "Object store", "Redis", "Prefect", "Celery", "Workers", "Queue"):
        assert part in shown
    found = by_name(probes.probe_all())
    working = ("Database", "Object store", "Redis", "Prefect", "Celery", "Queue", "Mail")
    assert {found[part].state for part in working} == {State.OK}


def test_admins_see_which_version_runs(as_ada: Client, fake_prefect: FakePrefect) -> None:
    assert f"Plumbline {VERSION}" in as_ada.get("/monitoring/health/").content.decode()


def test_what_is_away_is_red_in_time_and_says_what_to_do(
    settings: Settings, fake_prefect: FakePrefect
) -> None:
    fake_prefect.is_away = True
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    found = by_name(probes.probe_all())
    for part in ("Redis", "Prefect"):
        assert found[part].state is State.BAD
        assert found[part].advice.startswith("Start ")
    assert found["Workers"].state is State.UNKNOWN


def test_the_queue_counts_the_lists_of_every_priority() -> None:
    redis = wakeup.quick_redis()
    before = dict(probes.redis().figures)["Tasks waiting"]
    redis.rpush("celery\x06\x169", "notice")
    try:
        assert dict(probes.redis().figures)["Tasks waiting"] == str(int(before) + 1)
    finally:
        redis.lrem("celery\x06\x169", 1, "notice")


def test_a_worker_says_what_it_does_and_whether_its_sandbox_holds() -> None:
    found = probes.worker_probe(Workers({"ann": beating()}), EMPTY)
    assert found.state is State.OK
    assert "1 of 4 slots busy, 300 MB" in dict(found.figures)["ann"]
    test = SelfTest(passed=False, findings=("A socket was opened.",))
    broken = probes.worker_probe(Workers({"ann": beating(self_test=test)}), EMPTY)
    assert broken.state is State.BAD
    assert broken.advice == "ann opens models without a sandbox. A socket was opened."


def test_a_worker_that_opens_no_model_says_why() -> None:
    problem = "The process that opens models cannot start: No module named 'x'."
    found = probes.worker_probe(
        Workers({"ann": beating(), "bob": beating(problem=problem, self_test=SelfTest(False))}),
        EMPTY,
    )

    assert found.state is State.BAD
    assert found.advice == f"bob opens no model. {problem}"
    assert dict(found.figures)["bob"].endswith(", opens no model")


def test_known_types_that_a_workers_libraries_lack_are_shown() -> None:
    test = SelfTest(passed=True, missing=tuple(f"scipy.sparse.Of{n}" for n in range(7)))

    found = probes.worker_probe(Workers({"ann": beating(self_test=test)}), EMPTY)

    assert found.state is State.OK
    assert dict(found.figures)["Missing types"] == (
        "scipy.sparse.Of0, scipy.sparse.Of1, scipy.sparse.Of2, scipy.sparse.Of3, scipy.sparse.Of4 "
        "and 2 more"
    )


def test_health_says_which_worker_has_which_scikit_learn() -> None:
    beats = {"ann": beating(runtimes=("1.5", "1.10")), "bob": beating(runtimes=("1.10",))}
    found = probes.runtime_probe(Workers(beats), {"1.10": ["Loans v1"]})
    assert found.state is State.OK
    assert found.figures == (("scikit-learn 1.5", "ann"), ("scikit-learn 1.10", "ann, bob"))


def test_a_live_version_whose_runtime_no_worker_has_is_red_and_named_with_the_way_out() -> None:
    live = make_version(runtime="1.5", is_active=True)
    make_version(runtime="1.4")
    make_version(is_active=True)
    found = probes.runtime_probe(
        Workers({"ann": beating(runtimes=("1.9",))}), probes.needed_runtimes()
    )
    assert found.state is State.BAD
    assert found.figures == (("scikit-learn 1.5", "no worker"), ("scikit-learn 1.9", "ann"))
    assert found.advice == (
        f"No worker has scikit-learn 1.5, which {live} needs. Run manage.py runtime add 1.5 where "
        "a worker runs; it takes what waits within 5 s."
    )


@pytest.mark.parametrize("workers", [NOBODY, Workers(None)], ids=["no worker", "no Redis"])
def test_runtimes_are_unknown_while_no_worker_says_what_it_has(workers: Workers) -> None:
    assert probes.runtime_probe(workers, {"1.5": ["Loans v1"]}).state is State.UNKNOWN


def test_admins_are_told_once_of_a_runtime_that_live_versions_lack(ada: User, root: User) -> None:
    now = timezone.now()
    without, needed = Workers({"ann": beating(runtimes=("1.9",))}), {"1.5": ["Loans v1"]}
    for seconds in (0, 30, 61, 75, 300):
        watch.watch_runtimes(without, needed, now + timedelta(seconds=seconds))
    told = Notification.objects.filter(title="No worker has scikit-learn 1.5")
    assert {row.user for row in told} == {ada, root}
    assert told.all().count() == 2
    watch.watch_runtimes(NOBODY, needed, now + timedelta(seconds=310))
    watch.watch_runtimes(without, needed, now + timedelta(seconds=400))
    assert told.all().count() == 2
    there = Workers({"ann": beating(runtimes=("1.5", "1.9"))})
    watch.watch_runtimes(there, needed, now + timedelta(seconds=420))
    for seconds in (430, 500):
        watch.watch_runtimes(without, needed, now + timedelta(seconds=seconds))
    assert told.all().count() == 4


def test_metrics_count_the_workers_of_each_runtime_that_live_versions_need(
    client: Client, settings: Settings, fake_prefect: FakePrefect
) -> None:
    settings.METRICS_TOKEN = "secret"
    make_version(runtime="1.5", is_active=True)
    text = client.get("/metrics", headers={"Authorization": "Bearer secret"}).content.decode()
    assert 'workers_with_runtime{scikit_learn="1.5"} 0.0' in text


def test_a_queue_that_stands_is_red(alice: User) -> None:
    assert probes.queue().state is State.OK
    waits = timezone.now() - timedelta(minutes=2)
    make_execution(user=alice, requested_at=waits)
    found = probes.queue()
    assert found.state is State.BAD
    assert dict(found.figures)["Oldest waiting"] == "2 min"


def test_mails_given_up_are_a_warning() -> None:
    Mail.objects.create(
        sender="a@example.com", recipients=[], subject="Hello", given_up_at=timezone.now()
    )
    assert probes.mail().state is State.WARN


@pytest.mark.usefixtures("no_hurry")
def test_a_banner_stands_on_admins_pages_while_something_is_red(
    as_ada: Client, as_alice: Client, fake_prefect: FakePrefect
) -> None:
    assert "Down:" not in as_ada.get("/admin/").content.decode()
    watch.look_after()  # no worker
    assert "Down: Workers." in as_ada.get("/admin/").content.decode()
    assert "Down:" not in as_alice.get("/history/").content.decode()


def test_a_watch_that_has_stopped_is_said(as_ada: Client) -> None:
    cache.set(watch.RED, (timezone.now() - timedelta(minutes=5), ()), None)
    assert "The site has not been checked" in as_ada.get("/admin/").content.decode()


def test_admins_are_told_once_when_no_worker_is_left_and_it_is_noted_when_one_is_back(
    ada: User, root: User, alice: User
) -> None:
    now = timezone.now()
    watch.watch_workers(Workers({"ann": beating()}), EMPTY, now)
    for seconds in (30, 61, 75, 300):
        watch.watch_workers(NOBODY, EMPTY, now + timedelta(seconds=seconds))
    told = Notification.objects.filter(kind=Kind.WORKER_DOWN)
    assert {row.user for row in told} == {ada, root}
    assert told.all().count() == 2
    watch.watch_workers(Workers({"ann": beating()}), EMPTY, now + timedelta(seconds=360))
    assert ActivityEvent.objects.get(action="workers back").after == {"down_seconds": 360}
    for seconds in (400, 500):
        watch.watch_workers(NOBODY, EMPTY, now + timedelta(seconds=seconds))
    assert told.all().count() == 4


def test_admins_are_told_where_predictions_wait_although_no_worker_was_ever_seen(ada: User) -> None:
    now = timezone.now()
    watch.watch_workers(NOBODY, EMPTY, now)
    assert not Notification.objects.exists()
    watch.watch_workers(NOBODY, Queue(3, 0, timedelta(seconds=90)), now)
    assert "3 predictions wait" in Notification.objects.get(user=ada).text


def test_nothing_is_said_of_workers_while_redis_is_away(ada: User) -> None:
    watch.watch_workers(Workers(None), Queue(3, 0, timedelta(seconds=90)), timezone.now())
    assert not Notification.objects.exists()


def test_metrics_want_the_token(client: Client, settings: Settings) -> None:
    assert client.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "secret"
    for said in ("", "Bearer wrong", "Basic secret", "Bearer sécret"):
        assert client.get("/metrics", headers={"Authorization": said}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_metrics_tell_what_ran_and_what_waits(
    client: Client, settings: Settings, alice: User, active_version: ModelVersion,
    fake_prefect: FakePrefect,
) -> None:  # fmt: skip
    settings.METRICS_TOKEN = "secret"
    now = timezone.now()
    make_execution(
        user=alice, version=active_version, outputs=LOAN_OUTPUTS,
        requested_at=now - timedelta(seconds=2), finished_at=now,
    )  # fmt: skip
    make_execution(user=alice, version=active_version, error_code="MODEL")
    make_execution(user=alice, version=active_version)
    text = client.get("/metrics", headers={"Authorization": "Bearer secret"}).content.decode()
    labels = f'model="{active_version.model.slug}",purpose="prediction",status="{{}}",version="v1"'
    for status in ("succeeded", "failed"):
        assert f"executions_total{{{labels.format(status)}}} 1.0" in text
    assert 'prediction_response_seconds_bucket{le="1.0"} 0.0' in text
    assert 'prediction_response_seconds_bucket{le="2.5"} 1.0' in text
    assert "prediction_response_seconds_count 1.0" in text
    assert "executions_queued 1.0" in text
    assert "prefect_up 1.0" in text
    assert "last_backup_timestamp_seconds 0.0" in text


def test_metrics_tell_when_the_last_backup_was(
    client: Client, settings: Settings, fake_prefect: FakePrefect
) -> None:
    settings.METRICS_TOKEN = "secret"
    for folder in ("monday", "tuesday"):
        made = record(BACKUP_MADE, by=None, target=folder)
    made.refresh_from_db()
    text = client.get("/metrics", headers={"Authorization": "Bearer secret"}).content.decode()
    said = re.search(r"^last_backup_timestamp_seconds (.+)$", text, re.M)
    assert said
    assert float(said[1]) == made.at.timestamp()


def test_counters_add_what_finished_since_and_count_nothing_twice(
    alice: User, active_version: ModelVersion
) -> None:
    old = timezone.now() - timedelta(hours=1)
    for finished in (old, timezone.now()):
        make_execution(
            user=alice, version=active_version, outputs=LOAN_OUTPUTS,
            requested_at=old, finished_at=finished,
        )  # fmt: skip
    for _ in range(3):
        totals = read_totals()
        assert sum(totals.counts.values()) == 2
        assert (totals.buckets[0], totals.buckets[-1]) == (1, 2)


def test_the_figures_of_every_part_are_written_for_who_reads_them(
    as_ada: Client, ada: User, fake_prefect: FakePrefect
) -> None:
    User.objects.filter(pk=ada.pk).update(number_format=",")
    page = as_ada.get("/monitoring/health/").content.decode()
    answers = re.findall(r"([0-9][0-9.,]*) m?s\b", re.sub(r"<[^>]+>", " ", page))
    assert answers
    assert not [one for one in answers if "." in one]
