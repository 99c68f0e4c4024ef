"""The contract with Prefect: over a real server, and over the fake of other tests."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from pytest_django import Settings

from engine import gateway, wakeup
from engine.errors import PrefectRefused, PrefectUnavailable
from engine.gateway import DeploymentMissing, FlowRun
from engine.wakeup import DEFAULT_QUEUE, queue_of
from tests.clocks import PATIENCE_SECONDS
from tests.fake_prefect import INTERFACE, FakePrefect
from tests.flows.resident import api, prefect_client

pytestmark = pytest.mark.xdist_group("prefect")

SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "number", "title": "Age", "minimum": 0}},
    "required": ["age"],
}


@pytest.fixture(params=["fake", "real"])
def prefect(request: pytest.FixtureRequest) -> Any:
    """Return the gateway's functions, of the fake or over a real server."""
    if request.param == "fake":
        return FakePrefect()
    request.getfixturevalue("real_prefect")
    return gateway


@pytest.fixture
def deployment(prefect: Any) -> str:
    name = f"loans-{uuid.uuid4().hex[:8]}"
    ensure(prefect, name)
    return name


@pytest.fixture
def answering(settings: Settings) -> Iterator[Callable[[int], None]]:
    """Yield a server in Prefect's place that answers everything with one status."""

    class Handler(BaseHTTPRequestHandler):
        status = 500

        def do_GET(self) -> None:
            self.send_response(Handler.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.PREFECT_API_URL = f"http://127.0.0.1:{server.server_port}/api"
        yield lambda status: setattr(Handler, "status", status)
        server.shutdown()


def ensure(prefect: Any, name: str, **changes: Any) -> uuid.UUID:
    asked = {
        "flow": "predict",
        "deployment": name,
        "entrypoint": "flows.predict.predict",
        "parameter_schema": SCHEMA,
        "description": "Will a loan be repaid?",
        "tags": ("prediction",),
    }
    return cast("uuid.UUID", prefect.ensure_deployment(**asked | changes))


def start(prefect: Any, deployment: str, key: str, **parameters: Any) -> FlowRun:
    return cast(
        "FlowRun",
        prefect.start_flow_run(
            flow="predict",
            deployment=deployment,
            name="loans-v1-P-0123456789ab",
            parameters=parameters,
            idempotency_key=key,
            tags=("prediction", "loans", "v1"),
        ),
    )


def end(prefect: Any, run: FlowRun, state: str) -> None:
    """What a worker does to a run."""
    for state_type in ("RUNNING", state):
        if isinstance(prefect, FakePrefect):
            prefect.enter(run.id, state_type)
        else:
            with prefect_client() as client:
                body = {"state": {"type": state_type}}
                client.post(f"/flow_runs/{run.id}/set_state", json=body).raise_for_status()


def test_a_started_run_is_scheduled(prefect: Any, deployment: str) -> None:
    run = start(prefect, deployment, "exec:1:1", age=42.0)

    assert (run.state, run.is_claimed, run.is_finished) == ("SCHEDULED", False, False)
    assert [state.type for state in prefect.flow_run_states(run.id)] == ["SCHEDULED"]


def test_the_same_key_finds_the_same_run(prefect: Any, deployment: str) -> None:
    first = start(prefect, deployment, "exec:2:1", age=42.0)

    assert start(prefect, deployment, "exec:2:1", age=42.0).id == first.id
    assert start(prefect, deployment, "exec:2:2", age=42.0).id != first.id


def test_eight_calls_at_once_with_one_key_make_one_run(prefect: Any, deployment: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(start, prefect, deployment, "exec:3:1", age=42.0) for _ in range(8)]
        runs = {call.result().id for call in calls}

    assert len(runs) == 1


def test_a_run_of_an_unknown_deployment_says_so_and_may_be_tried_again(prefect: Any) -> None:
    with pytest.raises(DeploymentMissing):
        start(prefect, "nobody-made-this", "exec:4:1")

    ensure(prefect, "nobody-made-this")

    assert start(prefect, "nobody-made-this", "exec:4:1").state == "SCHEDULED"


def test_a_deployment_that_was_made_anew_is_found_again(prefect: Any, deployment: str) -> None:
    start(prefect, deployment, "exec:5:1")
    if prefect is gateway:
        with prefect_client() as client:
            answer = client.get(f"/deployments/name/predict/{deployment}").json()
            client.delete(f"/deployments/{answer['id']}").raise_for_status()
    else:
        del prefect.deployments["predict", deployment]
    with pytest.raises(DeploymentMissing):
        start(prefect, deployment, "exec:5:2")

    ensure(prefect, deployment)

    assert start(prefect, deployment, "exec:5:2").state == "SCHEDULED"


def test_ensuring_a_deployment_twice_changes_the_one_that_is_there(prefect: Any) -> None:
    first = ensure(prefect, "twice")

    assert ensure(prefect, "twice", description="Another sentence") == first


def test_parameters_that_do_not_fit_the_shown_schema_are_accepted(
    prefect: Any, deployment: str
) -> None:
    run = start(prefect, deployment, "exec:6:1", age=None, colour="red")

    assert run.state == "SCHEDULED"


def test_parameters_that_prefect_will_never_take_are_refused_for_good(
    prefect: Any, deployment: str
) -> None:
    with pytest.raises(PrefectRefused):
        start(prefect, deployment, "exec:7:1", text="x" * 600_000)


def test_a_finished_run_is_found_by_its_key_as_finished(prefect: Any, deployment: str) -> None:
    run = start(prefect, deployment, "exec:9:1")
    end(prefect, run, "FAILED")

    assert start(prefect, deployment, "exec:9:1").is_finished
    states = [state.type for state in prefect.flow_run_states(run.id)]
    assert states == ["SCHEDULED", "RUNNING", "FAILED"]


def test_a_run_tells_its_name_and_its_states(prefect: Any, deployment: str) -> None:
    run = start(prefect, deployment, "exec:15:1")
    end(prefect, run, "COMPLETED")

    story = prefect.flow_run_story(run.id, timeout=PATIENCE_SECONDS)

    assert story.name == "loans-v1-P-0123456789ab"
    assert [state.type for state in story.states] == ["SCHEDULED", "RUNNING", "COMPLETED"]
    assert story.states[-1].is_final
    assert story.states == prefect.flow_run_states(run.id)


def test_nothing_is_told_of_a_run_that_prefect_does_not_have(prefect: Any) -> None:
    assert prefect.flow_run_story(uuid.uuid4()) is None


def test_many_runs_are_deleted_in_one_call_that_may_be_repeated(
    prefect: Any, deployment: str
) -> None:
    runs = [start(prefect, deployment, f"exec:16:{number}") for number in range(3)]
    gone = [runs[0].id, runs[1].id, uuid.uuid4()]

    prefect.delete_flow_runs(gone)
    prefect.delete_flow_runs(gone)

    assert prefect.flow_run_story(runs[0].id) is None
    assert prefect.flow_run_story(runs[1].id) is None
    assert prefect.flow_run_states(runs[1].id) == ()
    assert prefect.flow_run_story(runs[2].id) is not None


def test_only_runs_that_ended_before_a_moment_are_deleted_by_age(
    prefect: Any, deployment: str
) -> None:
    over = start(prefect, deployment, "exec:17:1")
    end(prefect, over, "FAILED")
    waiting = start(prefect, deployment, "exec:17:2")
    moment = prefect.flow_run_states(over.id)[-1].at

    prefect.delete_finished_flow_runs(moment - timedelta(minutes=1))
    assert prefect.flow_run_story(over.id) is not None

    while prefect.delete_finished_flow_runs(moment + timedelta(minutes=1)):
        pass
    assert prefect.flow_run_story(over.id) is None
    assert prefect.flow_run_story(waiting.id) is not None


def test_prefect_that_is_away_is_worth_another_try(
    prefect: Any, deployment: str, settings: Settings
) -> None:
    assert prefect.is_healthy()
    if prefect is gateway:
        settings.PREFECT_API_URL = "http://127.0.0.1:9/api"
    else:
        prefect.is_away = True

    assert not prefect.is_healthy()
    with pytest.raises(PrefectUnavailable):
        start(prefect, deployment, "exec:11:1")


def test_the_fake_has_every_function_of_the_gateway() -> None:
    public = {
        name
        for name, thing in vars(gateway).items()
        if getattr(thing, "__module__", "") == gateway.__name__
        and not name.startswith("_")
        and not isinstance(thing, type)
    }

    assert public == set(INTERFACE)
    assert all(hasattr(FakePrefect, name) for name in INTERFACE)


def test_a_started_run_wakes_a_worker_with_what_it_needs(real_prefect: str) -> None:
    ensure(gateway, "hinted")

    run = start(gateway, "hinted", "exec:12:1", execution_id="x", attempt=1)

    hint = wakeup.next_hint(1.0)
    assert hint is not None
    assert (hint["id"], hint["parameters"]) == (str(run.id), {"execution_id": "x", "attempt": 1})
    assert hint["name"] == "loans-v1-P-0123456789ab"
    assert wakeup.next_hint(0.01) is None


def test_a_run_of_a_queue_is_for_the_workers_of_that_queue_alone(
    real_prefect: str, settings: Settings
) -> None:
    ensure(gateway, "queued")
    queue = queue_of("1.5")

    run = gateway.start_flow_run(
        flow="predict",
        deployment="queued",
        name="old",
        parameters={},
        idempotency_key="exec:15:1",
        queue=queue,
    )

    path = f"/work_pools/{settings.PREFECT_WORK_POOL}/get_scheduled_flow_runs"
    found = {
        name: [entry["flow_run"]["id"] for entry in api(path, {"work_queue_names": [name]})]
        for name in (DEFAULT_QUEUE, queue)
    }
    assert str(run.id) not in found[DEFAULT_QUEUE]
    assert str(run.id) in found[queue]
    assert wakeup.next_hint(0.01) is None
    hint = wakeup.next_hint(1.0, queues=(DEFAULT_QUEUE, queue))
    assert hint is not None
    assert hint["id"] == str(run.id)


def test_a_run_that_is_finished_wakes_nobody(real_prefect: str) -> None:
    ensure(gateway, "over")
    run = start(gateway, "over", "exec:13:1")
    wakeup.next_hint(1.0)
    end(gateway, run, "COMPLETED")

    start(gateway, "over", "exec:13:1")

    assert wakeup.next_hint(0.01) is None


def test_a_run_starts_although_redis_is_away(
    real_prefect: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ensure(gateway, "unhinted")
    settings.REDIS_URL = "redis://127.0.0.1:9/0"

    assert start(gateway, "unhinted", "exec:14:1").state == "SCHEDULED"
    assert "wake_failed" in caplog.text


def test_the_deployment_in_prefect_names_the_flow_the_pool_and_the_inputs(
    real_prefect: str, settings: Settings
) -> None:
    ensure(gateway, "shown")

    with prefect_client() as client:
        deployment = client.get("/deployments/name/predict/shown").json()
        pool = client.get(f"/work_pools/{settings.PREFECT_WORK_POOL}").json()

    assert deployment["entrypoint"] == "flows.predict.predict"
    assert deployment["work_pool_name"] == settings.PREFECT_WORK_POOL
    assert deployment["parameter_openapi_schema"]["properties"]["age"]["title"] == "Age"
    assert deployment["enforce_parameter_schema"] is False
    assert pool["type"] == "resident"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (408, PrefectUnavailable),
        (429, PrefectUnavailable),
        (500, PrefectUnavailable),
        (503, PrefectUnavailable),
        (401, PrefectRefused),
        (409, PrefectRefused),
        (422, PrefectRefused),
    ],
)
def test_a_status_is_final_or_worth_another_try(
    answering: Callable[[int], None], status: int, error: type[Exception]
) -> None:
    answering(status)

    with pytest.raises(error):
        gateway.flow_run_states(uuid.uuid4())


def test_threads_that_ask_for_redis_first_at_the_same_moment_have_one_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client of one of them would be dropped, and with it the connections that it waits on."""
    both = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    make = wakeup._client

    def made(*given: Any) -> Any:
        both.wait()
        return make(*given)

    monkeypatch.setattr(wakeup, "_client", made)
    monkeypatch.setattr(wakeup, "_clients", {})
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(wakeup.quick_redis, (0.0, 0.0))

    assert one is other is wakeup.quick_redis()
