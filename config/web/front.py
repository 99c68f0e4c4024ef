"""The front of every web process: receives requests and sends responses for Django.

    gunicorn config.wsgi --worker-class config.web.front.Worker --threads 4

gunicorn's asyncio worker speaks HTTP. A request is passed to one of the few threads that run Django
only when it is complete, and its response leaves the thread as fast as Django makes it, whatever
the client's speed. So clients that send or read slowly occupy sockets, never threads. The size
limit is applied before the body is read (`config/web/bodies.py`). The reasons and the cost are in
`docs/adr/0011-requests-are-received-whole.md`.
"""

import asyncio
import contextlib
import io
import logging
import os
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from gunicorn.asgi.parser import ParseError  # type: ignore[import-untyped]
from gunicorn.asgi.protocol import ASGIProtocol  # type: ignore[import-untyped]
from gunicorn.workers.gasgi import ASGIWorker  # type: ignore[import-untyped]

from config.web import bodies
from config.web.answer import IN_MEMORY, Answer, Environ, Message, Send
from config.web.programs import is_for_programs

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[Message]]

PROGRAMS_AT_ONCE = 16
OTHER_FILES = 200  # that a process has open beside its connections
MAX_HEAD = 64 * 1024  # of a request's first lines, all together
PIECES = 1000  # of a body; beyond them, they must hold this much at the average:
PIECE_BYTES = 256  # each costs about as much as a page of them
PATIENCE_SECONDS = 20.0  # without progress of a body
BYTES_PER_SECOND = 16 * 1024  # the minimum rate of a body after that time
LINGER_SECONDS = 10.0  # for the rest of a refused request, and for unsent data at the end


class Worker(ASGIWorker):  # type: ignore[misc]
    """gunicorn's asyncio worker around a WSGI application that runs in threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.awaited: dict[Connection, float] = {}
        """Connections whose next request is incomplete, with the time since when; the oldest
        first."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.most = max(1, min(self.cfg.worker_connections, files - OTHER_FILES))

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Accept the configuration: threads are intended."""

    def load_wsgi(self) -> None:
        self.asgi = Front(self.app.wsgi(), threads=self.cfg.threads)

    async def _serve(self) -> None:
        """Serve until gunicorn's master stops the worker or dies; then finish the requests that
        have begun."""
        servers = []
        for listener in self.sockets:
            # Each process takes one connection at a time, so that the others get theirs.
            serving = self.loop.create_server(
                lambda: Connection(self), sock=listener.sock, backlog=1
            )
            servers.append(await serving)
            listener.sock.listen(self.cfg.backlog)
        while self.alive and self.ppid == os.getppid():
            self.notify()
            self.close_late()
            await asyncio.sleep(0.5)
        for server in servers:
            server.close()
        deadline = self.loop.time() + self.cfg.graceful_timeout
        while self.nr_conns and not self._quick_shutdown and self.loop.time() < deadline:
            for connection in [one for one in self.awaited if one.is_idle]:
                connection._close_transport()
            await asyncio.sleep(0.05)

    def make_room(self) -> None:
        """Close the connection that has waited longest for its request, if there are too many."""
        if self.nr_conns > self.most and self.awaited:
            next(iter(self.awaited))._close_transport()

    def close_late(self) -> None:
        """Close connections that sent no request within gunicorn's keep-alive time."""
        late = self.loop.time() - self.cfg.keepalive
        for connection, since in list(self.awaited.items()):
            if since > late:
                break
            if connection.is_idle:
                connection._close_transport()


class Connection(ASGIProtocol):  # type: ignore[misc]
    """gunicorn's connection, which the worker may close while it waits for a request."""

    head = pieces = body_bytes = 0

    @property
    def is_idle(self) -> bool:
        """Whether no request is being served."""
        return self._current_request is None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.worker.awaited[self] = self.worker.loop.time()
        self.worker.make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.head = self.head + len(data) if self.is_idle else 0
        if self.head > MAX_HEAD and not self._closed:
            self._send_error_response(431, "Request Header Fields Too Large")
            self._close_transport()

    def _on_headers_complete(self) -> bool:
        self.pieces = self.body_bytes = 0
        return bool(super()._on_headers_complete())

    def _on_body(self, chunk: bytes) -> None:
        self.pieces += 1
        self.body_bytes += len(chunk)
        if self.pieces > PIECES + self.body_bytes / PIECE_BYTES:
            raise ParseError("The body comes in too many pieces")
        super()._on_body(chunk)

    def _on_message_complete(self) -> None:
        super()._on_message_complete()
        self.worker.awaited.pop(self, None)

    def _arm_keepalive_timer(self) -> None:
        super()._arm_keepalive_timer()
        self.worker.awaited[self] = self.worker.loop.time()

    def _close_transport(self) -> None:
        """Close the connection, even if the client does not read the unsent rest."""
        self.worker.awaited.pop(self, None)
        if not self._closed and self.transport:
            self.worker.loop.call_later(LINGER_SECONDS, self.transport.abort)
        super()._close_transport()

    def connection_lost(self, exc: Exception | None) -> None:
        self.worker.awaited.pop(self, None)
        super().connection_lost(exc)


class Front:
    """The ASGI application that gunicorn runs: receives requests, has Django answer, sends the
    responses."""

    def __init__(self, wsgi: Callable[..., Iterable[bytes]], *, threads: int) -> None:
        self.wsgi = wsgi
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="web")
        # Programs may wait for their results. They do so in threads of their own, so that no page
        # of a person waits for them.
        self.programs = ThreadPoolExecutor(PROGRAMS_AT_ONCE, thread_name_prefix="programs")
        self.disk = ThreadPoolExecutor(2, thread_name_prefix="disk")
        self.sending: Counter[str] = Counter()  # large bodies by the person who sends them
        self.room = bodies.room()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        environ = environ_of(scope)
        with ExitStack() as held:
            try:
                environ["wsgi.input"] = await self.received(environ, receive, held)
            except ClientGone:
                return
            except (bodies.Refusal, OSError) as error:  # OSError: the disk is full
                refusal = error if isinstance(error, bodies.Refusal) else bodies.NoRoom()
                environ |= {"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"}
                environ[bodies.REFUSAL] = refusal
                await self.answer(environ, send)
                await thrown_away(receive)  # a client that cannot send on would never read why
            else:
                await self.answer(environ, send)

    async def received(self, environ: Environ, receive: Receive, held: ExitStack) -> IO[bytes]:
        """Receive the whole body and hold its allowance until the answer is made. Raises Refusal
        where it is larger than it may be or comes too slowly, and ClientGone."""
        loop = asyncio.get_running_loop()
        body = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - Django reads it later
        announced, allowed, size = int(environ.get("CONTENT_LENGTH") or 0), bodies.SMALL, 0
        began = last = loop.time()
        more = True
        while more:
            if max(announced, size) > allowed:
                if allowed > bodies.SMALL:
                    raise bodies.TooLarge(allowed)
                judge = partial(bodies.allowance, environ, max(announced, size))
                allowance = await loop.run_in_executor(self.threads, judge)
                allowed = allowance.most
                held.enter_context(self.place(allowance.person, announced or allowed))
            late = min(last, began + size / BYTES_PER_SECOND) + PATIENCE_SECONDS
            try:
                async with asyncio.timeout_at(late):
                    message = await receive()
            except TimeoutError:
                raise bodies.TooSlow from None
            if message["type"] == "http.disconnect":
                raise ClientGone
            part, more, last = message["body"], bool(message["more_body"]), loop.time()
            size += len(part)
            if size > IN_MEMORY:
                await loop.run_in_executor(self.disk, body.write, part)
            else:
                body.write(part)
        body.seek(0)
        environ["CONTENT_LENGTH"] = str(size)  # of a body in pieces nobody had said it
        return body

    @contextmanager
    def place(self, person: str, size: int) -> Iterator[None]:
        """Reserve disk space for a large body. Raises Refusal if this person sends too many
        already, or if those being received would fill the disk."""
        if self.sending[person] >= bodies.AT_ONCE:
            raise bodies.TooMany
        if self.room < size:
            raise bodies.NoRoom
        self.sending[person] += 1
        self.room -= size
        try:
            yield
        finally:
            self.room += size
            self.sending[person] -= 1
            self.sending += Counter()  # forget who sends none

    async def answer(self, environ: Environ, send: Send) -> None:
        answer = Answer(asyncio.get_running_loop())
        threads = self.programs if is_for_programs(environ["PATH_INFO"]) else self.threads
        work = threads.submit(answer.make, self.wsgi, environ)
        try:
            await answer.send(send, has_body=environ["REQUEST_METHOD"] != "HEAD")
        except TimeoutError:
            logger.warning("answer_not_taken path=%r", environ["PATH_INFO"])
        finally:
            work.cancel()
            answer.give_up()


class ClientGone(Exception):
    """The client disconnected before its whole request was received."""


async def thrown_away(receive: Receive) -> None:
    """Read and discard the rest of a refused request, for a limited time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass


def _path_of(url: bytes) -> bytes:
    """Return the path of a whole URL. Whatever stands for its host counts for nothing, so it need
    not be valid."""
    *_, path = url.partition(b"?")[0].partition(b"://")[2].partition(b"/")
    return b"/" + path


def environ_of(scope: Message) -> Environ:
    """Return the WSGI environ of the request line and headers."""
    path: bytes = scope["raw_path"]
    if not path.startswith(b"/"):  # a whole URL, as proxies are asked
        path = _path_of(path)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ
