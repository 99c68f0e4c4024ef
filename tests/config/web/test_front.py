"""The front on real servers with slow and hanging clients: whole requests reach a thread, others do
not."""

import asyncio
import itertools
import os
import re
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from django.conf import settings
from django.urls import reverse

from accounts.models import User
from config.web import bodies
from config.web.answer import Environ, Message
from config.web.front import PROGRAMS_AT_ONCE, Front, environ_of
from models_registry.models import ModelVersion
from tests.clocks import PATIENCE_SECONDS, until
from tests.config.web.running import Site, answer_of, cookie_of, head, running_site
from tests.factories import PASSWORD, make_model

pytestmark = pytest.mark.django_db(transaction=True)

FORM = "Content-Type: application/x-www-form-urlencoded"
PARTS = "Content-Type: multipart/form-data; boundary=XbX"
SIGN_IN = "/accounts/login/"
LARGE_PAGE = "/static/vendor/bootstrap.min.css"  # 230 kB
MB, GB = 1024**2, 1024**3
STRANGER = "Sign in to send as much as this"


def upload_of(model_pk: int) -> str:
    return reverse("admin:models_registry_registeredmodel_upload", args=[model_pk])


def file_part(name: str, content: bytes, file_name: str = "model.joblib") -> bytes:
    says = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"'
    kind = "Content-Type: application/octet-stream"
    return f"--XbX\r\n{says}\r\n{kind}\r\n\r\n".encode() + content + b"\r\n"


def in_pieces(content: bytes, size: int = 4096) -> bytes:
    """Return a body in chunks, without its end."""
    parts = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


# --- Clients that hang ----------------------------------------------------------------------------

HANGING = {
    "nothing": b"",
    "half of the first line": b"GET /heal",
    "half of the first lines": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "a body that does not come": head(SIGN_IN, FORM, "Content-Length: 1000"),
    "a body that stands still": head(SIGN_IN, FORM, "Content-Length: 1000") + b"login=",
    "a body in pieces that never ends": head(SIGN_IN, FORM, "Transfer-Encoding: chunked")
    + in_pieces(b"a" * 8000),
    "a piece that never ends": head(SIGN_IN, FORM, "Transfer-Encoding: chunked") + b"fff\r\na",
    "a body where none belongs": head("/healthz", "Content-Length: 9", method="GET") + b"x",
    "a file that nobody may send": head("/admin/", PARTS, f"Content-Length: {60 * GB}") + b"--XbX",
    "a second request half sent": head("/healthz", method="GET") + b"GET / HTT",
    "answers that are not read": head(LARGE_PAGE, method="GET") * 100,
}


@pytest.mark.parametrize("what", HANGING)
def test_the_site_answers_while_fifty_strangers_hang(what: str, site: Site) -> None:
    with site.hanging(HANGING[what]):
        for _ in range(4):  # both processes
            assert site.get("/healthz").status_code == 200
        assert site.get(SIGN_IN).status_code == 200


@pytest.mark.parametrize("path", ["/", "/accounts/profile/", "/presets/", "/nowhere/"])
def test_the_site_answers_while_fifty_people_hang_on_a_form(
    path: str, site: Site, alice: User
) -> None:
    with site.hanging(head(path, FORM, "Content-Length: 300000", user=alice) + b"a" * 1000):
        assert site.get("/healthz").status_code == 200
        assert site.get(path, alice).status_code in {200, 302, 404}


def test_the_site_answers_while_fifty_uploads_hang(site: Site, ada: User) -> None:
    path = upload_of(make_model().pk)
    slow = head(path, PARTS, f"Content-Length: {300 * 1024**2}", user=ada)
    with site.hanging(slow + file_part("file", b"x" * 1000)):
        assert site.get("/healthz").status_code == 200
        assert site.get(path, ada).status_code == 200


# --- What may be sent -----------------------------------------------------------------------------


@pytest.mark.parametrize("announced", [f"Content-Length: {60 * GB}", "Content-Length: 70000"])
@pytest.mark.parametrize("path", [SIGN_IN, "/admin/models_registry/registeredmodel/1/upload/"])
def test_a_large_body_of_a_stranger_is_refused_before_any_of_it_came(
    announced: str, path: str, site: Site
) -> None:
    with site.connect(head(path, PARTS, announced)) as client:
        answer = answer_of(client)
    assert answer.status_code == 403
    assert STRANGER in answer.text
    assert answer.headers["Content-Security-Policy"]
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("path", [SIGN_IN, "/admin/models_registry/registeredmodel/1/upload/"])
def test_files_of_a_stranger_are_not_kept(path: str, site: Site) -> None:
    files = file_part("a", bytes(20_000_000)) + file_part("b", bytes(20_000_000))
    until(lambda: site.kept_on_disk() == 0, "the answers that nobody read to be given up")
    with site.connect(head(path, PARTS, f"Content-Length: {60 * GB}")) as client:
        client.sendall(files)
        assert STRANGER in answer_of(client).text
        assert site.kept_on_disk() < 1024**2


def test_a_body_in_pieces_has_the_same_limit(site: Site) -> None:
    with site.connect(head(SIGN_IN, FORM, "Transfer-Encoding: chunked")) as client:
        client.sendall(in_pieces(b"a" * 100_000))
        assert STRANGER in answer_of(client).text


def test_who_is_signed_in_may_send_a_form_and_no_more(site: Site, alice: User) -> None:
    for path in ("/", upload_of(make_model().pk)):
        announced = f"Content-Length: {bodies.OF_A_FORM + 1}"
        with site.connect(head(path, PARTS, announced, user=alice)) as client:
            answer = answer_of(client)
        assert answer.status_code == 413
        assert "larger than the 4 MB that are taken here" in answer.text


def test_an_admin_may_send_a_file_to_the_pages_that_take_one_alone(site: Site, ada: User) -> None:
    for path, announced in ((upload_of(make_model().pk), 600 * 1024**2), ("/admin/", 10 * 1024**2)):
        with site.connect(head(path, PARTS, f"Content-Length: {announced}", user=ada)) as client:
            assert answer_of(client).status_code == 413


@pytest.mark.parametrize("ending", ["deactivated", "signed out everywhere"])
def test_who_is_not_signed_in_any_more_sends_nothing_large(
    ending: str, site: Site, ada: User
) -> None:
    request = head(upload_of(make_model().pk), PARTS, "Content-Length: 1000000", user=ada)
    if ending == "deactivated":
        ada.is_active = False
    else:
        ada.set_password("another one of them")
    ada.save()
    with site.connect(request) as client:
        assert STRANGER in answer_of(client).text


def test_one_person_sends_two_large_bodies_at_a_time(site: Site, ada: User) -> None:
    slow = head(upload_of(make_model().pk), PARTS, "Content-Length: 1000000", user=ada)
    with site.hanging(slow, clients=5) as clients:  # of two processes, one has three
        answers = [answer_of(client) for client in readable(clients)]
    assert {answer.status_code for answer in answers} == {429}
    assert {answer.headers["Retry-After"] for answer in answers} == {"10"}


def test_what_is_received_at_a_time_leaves_room_on_the_disk() -> None:
    front = Front(lambda *_: [], threads=1)
    with front.place("1", front.room), pytest.raises(bodies.NoRoom) as refused:
        front.place("2", 1).__enter__()
    assert (refused.value.status, refused.value.retry_after) == (503, 30)
    with front.place("2", front.room):
        assert front.room == 0


def test_a_refused_client_that_sends_all_the_same_can_read_why(site: Site, alice: User) -> None:
    size = bodies.OF_A_FORM + MB
    with site.connect(head("/", PARTS, f"Content-Length: {size}", user=alice)) as client:
        client.sendall(bytes(size))
        assert answer_of(client).status_code == 413


# --- What is received -----------------------------------------------------------------------------


def test_a_form_in_pieces_is_a_form(site: Site, alice: User) -> None:
    with httpx.Client(base_url=site.url, timeout=PATIENCE_SECONDS) as client:
        page = client.get(SIGN_IN)
        fields = {"login": alice.email, "password": PASSWORD, "csrfmiddlewaretoken": token_in(page)}
        pieces = (piece.encode() for piece in urlencode(fields))
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = client.post(SIGN_IN, content=pieces, headers=kind)
    assert answer.status_code == 302
    assert settings.SESSION_COOKIE_NAME in answer.cookies


def test_a_large_file_of_an_admin_arrives_whole_and_is_not_kept_in_memory(
    site: Site, ada: User
) -> None:
    path, content = upload_of(make_model().pk), os.urandom(MB) * 24
    cookies = dict([cookie_of(ada).split("=")])
    with httpx.Client(base_url=site.url, cookies=cookies, timeout=60) as client:
        token = token_in(client.get(path))
        data, files = {"csrfmiddlewaretoken": token}, {"file": ("model.joblib", content)}
        assert client.post(path, data=data, files=files).status_code == 302
    version = ModelVersion.objects.get()
    assert (version.sha256, version.size) == (sha256(content).hexdigest(), len(content))


def test_a_path_and_its_fields_reach_django_as_they_were_sent() -> None:
    asked = {
        "raw_path": b"http://localhost/%C3%A4%2f",
        "query_string": b"q=%C3%A4",
        "client": ("10.0.0.1", 5),
        "headers": [(b"x-a", b"1"), (b"content-type", b"text/plain"), (b"x-a", b"2")],
    }
    environ = environ_of(SCOPE | asked)
    assert environ["PATH_INFO"] == "/\u00c3\u00a4/"  # UTF-8 as Latin-1, as WSGI wants it
    assert environ["QUERY_STRING"] == "q=%C3%A4"
    assert environ["REMOTE_ADDR"] == "10.0.0.1"
    assert (environ["HTTP_X_A"], environ["CONTENT_TYPE"]) == ("1,2", "text/plain")


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (b"http://[/a/b", "/a/b"),
        (b"http://]:x@[::1/a//b", "/a//b"),
        (b"http://host", "/"),
        (b"*", "/"),
        (b"host:443", "/"),
        (b"", "/"),
    ],
)
def test_a_request_line_with_whatever_for_a_host_has_a_path(asked: bytes, path: str) -> None:
    assert environ_of(SCOPE | {"raw_path": asked})["PATH_INFO"] == path


def test_a_web_socket_is_refused(site: Site) -> None:
    key = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    asked = head("/", *key, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", method="GET")
    with site.connect(asked) as client:
        assert answer_of(client).status_code == 403


# --- How long is waited ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hasty(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A web server that gives up soon, and that takes few connections."""
    worker = ("--worker-class", "tests.config.web.hasty_front.Worker")
    few = ("--worker-connections", "20", "--keep-alive", "2")
    with running_site(tmp_path_factory.mktemp("hasty"), *worker, *few) as running:
        yield running


def test_a_body_that_comes_too_slowly_is_given_up(hasty: Site) -> None:
    slow = head(SIGN_IN, FORM, "Content-Length: 1000")
    with hasty.connect(slow + b"a") as still, hasty.connect(slow) as dripping:
        sender = Thread(target=drip, args=[dripping])
        sender.start()
        for client in (still, dripping):
            answer = answer_of(client)
            assert answer.status_code == 408
            assert "came too slowly" in answer.text
        sender.join()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", head(LARGE_PAGE, method="GET") * 100])
def test_who_sends_no_request_or_takes_no_answer_is_given_up(sent: bytes, hasty: Site) -> None:
    with hasty.connect(sent):
        until(lambda: hasty.connections() == 1, "the connection")
        until(lambda: hasty.connections() == 0, "its end")


def drip(client: socket.socket) -> None:
    """A byte now and then, for as long as anybody takes them."""
    with suppress(OSError):
        for _ in range(200):
            client.sendall(b"a")
            if select.select([client], [], [], 0.1)[0]:
                return


def test_many_connections_leave_room_for_the_next(hasty: Site) -> None:
    slow = head(SIGN_IN, FORM, "Content-Length: 1000")
    with hasty.hanging(b"GET", clients=50), hasty.hanging(slow, clients=100):
        for _ in range(4):
            assert hasty.get("/healthz").status_code == 200


@pytest.mark.parametrize("size", [1, 30])
def test_a_body_in_thousands_of_small_pieces_is_refused(size: int, site: Site) -> None:
    with site.connect(head(SIGN_IN, FORM, "Transfer-Encoding: chunked")) as client:
        client.sendall(in_pieces(b"a" * 1500 * size, size))
        assert answer_of(client).status_code == 400


def test_endless_first_lines_are_refused(site: Site) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 4000) for number in range(40))
    with site.connect(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + lines) as client:
        assert answer_of(client).status_code == 431


def test_a_stop_does_not_wait_for_connections_that_ask_nothing(tmp_path: Path) -> None:
    with (
        running_site(tmp_path, "--graceful-timeout", "600") as site,
        httpx.Client(base_url=site.url) as kept,
        site.connect(b"GET"),
    ):
        kept.get("/healthz")
        site.process.terminate()
        assert site.process.wait(60) == 0  # long before it is ended by force


# --- Answers --------------------------------------------------------------------------------------


def test_an_answer_that_breaks_off_is_not_taken_for_whole() -> None:
    def breaking(environ: Environ, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"one"
        yield b"two"
        raise RuntimeError

    assert sent_by(breaking) == [
        ("http.response.start", b"", None),
        ("http.response.body", b"one", True),
    ]


def test_a_page_is_sent_in_one_piece() -> None:
    def page(environ: Environ, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"page"]

    assert sent_by(page)[1:] == [("http.response.body", b"page", False)]


def test_an_answer_that_nobody_takes_is_not_made_to_its_end() -> None:
    closed = Event()

    class Endless:
        def __iter__(self) -> Iterator[bytes]:
            return itertools.repeat(b"x" * 1000)

        def close(self) -> None:
            closed.set()

    def endless(environ: Environ, start_response: Any) -> Endless:
        start_response("200 OK", [])
        return Endless()

    async def gone(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(Front(endless, threads=1)(SCOPE, nothing_to_receive, gone))
    assert closed.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize(
    "path", ["/api/v1/models/loan/predictions", "/v2/models/loan/infer", "/mlflow/loan/invocations"]
)
def test_a_page_is_answered_while_programs_wait_for_their_results(path: str) -> None:
    is_there, all_wait = Event(), Barrier(PROGRAMS_AT_ONCE + 1)
    sent: list[Message] = []

    def application(environ: Environ, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == path:
            all_wait.wait(PATIENCE_SECONDS)
            is_there.wait(PATIENCE_SECONDS)
        start_response("200 OK", [])
        return [b""]

    async def send(message: Message) -> None:
        sent.append(message)

    async def scene() -> None:
        front = Front(application, threads=1)
        asking = SCOPE | {"raw_path": path.encode()}
        programs = [
            asyncio.create_task(front(asking, nothing_to_receive, send))
            for _ in range(PROGRAMS_AT_ONCE)
        ]
        await asyncio.to_thread(all_wait.wait, PATIENCE_SECONDS)
        await front(SCOPE, nothing_to_receive, send)
        assert [message["type"] for message in sent] == [
            "http.response.start",
            "http.response.body",
        ]
        is_there.set()
        await asyncio.gather(*programs)

    asyncio.run(scene())


SCOPE = {
    "type": "http",
    "method": "GET",
    "raw_path": b"/",
    "query_string": b"",
    "http_version": "1.1",
    "scheme": "http",
    "server": ("127.0.0.1", 8000),
    "client": ("127.0.0.1", 5),
    "headers": [],
}


async def nothing_to_receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def sent_by(application: Any) -> list[tuple[str, bytes, bool | None]]:
    """Return what the front tells gunicorn to send of this application's answer."""
    sent = []

    async def send(message: Message) -> None:
        sent.append((message["type"], message.get("body", b""), message.get("more_body")))

    asyncio.run(Front(application, threads=1)(SCOPE, nothing_to_receive, send))
    return sent


def readable(clients: list[socket.socket]) -> list[socket.socket]:
    """Return those clients that were answered, once any was."""
    return select.select(clients, [], [], PATIENCE_SECONDS)[0]


def token_in(page: httpx.Response) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found
    return found[1]
