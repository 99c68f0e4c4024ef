"""Prefect's password: without it, a client of Prefect's port reads nothing and changes nothing."""

import re
import uuid

import httpx
import pytest
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from engine import gateway
from engine.errors import PrefectRefused
from tests.flows.resident import prefect_client

SECONDS = 60.0
OPEN = {("get", "/health"), ("get", "/ready")}  # they say that the server lives
SOCKETS = (
    "/events/in",
    "/events/out",
    "/logs/out",
    "/task_runs/subscriptions/scheduled",
    "/work_pools/predictions/workers/connect",
)
ELSEWHERE = "https://elsewhere.example.org"


def test_every_address_of_the_api_asks_for_the_password(prefect_url: str) -> None:
    description = prefect_url.removesuffix("/api") + "/openapi.json"
    paths = httpx.get(description, timeout=SECONDS).json()["paths"]
    answers = {}
    with httpx.Client(timeout=SECONDS) as client:
        for path, operations in paths.items():
            path = re.sub(r"\{[^}]*\}", str(uuid.uuid4()), path).removeprefix("/api")
            for method in operations:
                answer = client.request(method, prefect_url + path, json={})
                answers[method, path] = answer.status_code
    assert len(answers) > 150
    assert {asked for asked, status in answers.items() if status != 401} == OPEN


@pytest.mark.parametrize("auth", [("stack", "wrong"), ("", ""), ("other", "")])
def test_another_password_opens_nothing(auth: tuple[str, str], prefect_url: str) -> None:
    asked = httpx.post(f"{prefect_url}/flow_runs/filter", json={}, auth=auth, timeout=SECONDS)
    assert asked.status_code == 401


def test_the_password_opens_the_api(real_prefect: str) -> None:
    with prefect_client() as client:
        assert client.post("/flow_runs/filter", json={}).status_code == 200


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("protocols", [[], [Subprotocol("prefect")]])
def test_no_socket_opens_without_the_password(
    path: str, protocols: list[Subprotocol], prefect_url: str
) -> None:
    with pytest.raises((ConnectionClosed, InvalidHandshake)):
        listen(prefect_url.replace("http:", "ws:") + path, protocols)


def listen(url: str, protocols: list[Subprotocol]) -> None:
    with connect(url, subprotocols=protocols or None, open_timeout=SECONDS) as socket:
        socket.send('{"type": "auth", "token": "stack:wrong"}')
        while "auth_success" not in str(socket.recv(timeout=SECONDS)):
            pass


def test_no_page_of_another_origin_may_read_an_answer(prefect_url: str) -> None:
    origin = {"Origin": ELSEWHERE}
    asking = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    with httpx.Client(headers=origin, timeout=SECONDS) as client:
        answers = [
            client.get(f"{prefect_url}/health"),
            client.get(prefect_url.removesuffix("/api")),
            client.options(f"{prefect_url}/flow_runs/filter", headers=asking),
            client.get(f"{prefect_url}/health", headers={"Origin": "null"}),
        ]
    assert not [one for one in answers if "access-control-allow-origin" in one.headers]


def test_a_page_that_names_the_port_otherwise_opens_nothing(prefect_url: str) -> None:
    """A name of somebody's own that leads to this machine gives a page Prefect's origin, but no
    password."""
    asked = httpx.post(
        f"{prefect_url}/flow_runs/filter", json={}, headers={"Host": "elsewhere.example.org"},
        timeout=SECONDS,
    )  # fmt: skip
    assert asked.status_code == 401


def test_the_gateway_says_so_where_its_password_is_not_taken(
    real_prefect: str, settings: Settings
) -> None:
    settings.PREFECT_API_AUTH_STRING = "stack:wrong"
    with pytest.raises(PrefectRefused, match="401"):
        gateway.flow_run_states(uuid.uuid4())
