"""A response on its way from the thread that makes it to the client that reads it.

The thread runs Django and never waits for the client; what the client has not read yet is kept in
memory, or from `IN_MEMORY` on in a temporary file.
"""

import asyncio
import contextlib
import logging
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import ExitStack
from typing import Any

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

IN_MEMORY = 128 * 1024  # of one body or answer; more is kept in a temporary file
CHUNK = 256 * 1024
TAKING_SECONDS = 60.0  # for a client to take CHUNK of its answer


class Unwanted(Exception):
    """The client no longer reads the response."""


class Answer:
    """A response, passed from the thread that makes it to the client that reads it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.news = asyncio.Event()
        self.lock = threading.Lock()
        self.start: Message | None = None
        self.made = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - of both sides
        self.made_bytes = self.sent_bytes = 0
        self.is_whole = self.is_over = self.is_unwanted = False

    # --- The thread's side ------------------------------------------------------------------------

    def make(self, wsgi: Callable[..., Iterable[bytes]], environ: Environ) -> None:
        """Run the application; what it yields is queued for sending."""
        try:
            with environ["wsgi.input"]:
                parts = wsgi(environ, self.start_response)
                with ExitStack() as closing:
                    if hasattr(parts, "close"):
                        closing.callback(parts.close)
                    last = b""
                    for part in parts:  # one behind, so that a page is sent in one piece
                        self.add(last)
                        last = part
                    self.add(last, is_whole=True)
        except Unwanted:
            pass
        except Exception:  # Django handles its own errors; this is a bug outside it
            logger.exception("answer_broke")
        finally:
            self.is_over = True
            self.tell()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> None:
        self.start = {
            "type": "http.response.start",
            "status": int(status[:3]),
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers
            ],
        }

    def add(self, part: bytes, *, is_whole: bool = False) -> None:
        with self.lock:
            if self.is_unwanted:
                raise Unwanted
            self.made.seek(self.made_bytes)
            self.made.write(part)
            self.made_bytes += len(part)
            self.is_whole = is_whole
        if part or is_whole:
            self.tell()

    def tell(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
            self.loop.call_soon_threadsafe(self.news.set)

    # --- The loop's side --------------------------------------------------------------------------

    async def send(self, send: Send, *, has_body: bool) -> None:
        """Send the queued parts as they come, as fast as the client reads."""
        is_started = is_ended = False
        while not is_ended:
            await self.news.wait()
            self.news.clear()
            if self.start is None:
                return  # gunicorn answers 500
            if not is_started:
                await send(self.start)
                is_started = True
            while not is_ended:
                part, is_ended = self.next_part()
                if not part and not is_ended:
                    break
                async with asyncio.timeout(TAKING_SECONDS):
                    body = part if has_body else b""
                    await send(
                        {"type": "http.response.body", "body": body, "more_body": not is_ended}
                    )
            if self.is_over and not self.is_whole:
                return  # gunicorn ends the connection in the middle

    def next_part(self) -> tuple[bytes, bool]:
        """Return the next bytes to send, and whether they are the last."""
        with self.lock:
            self.made.seek(self.sent_bytes)
            part = self.made.read(CHUNK)
            self.sent_bytes += len(part)
            return part, self.is_whole and self.sent_bytes == self.made_bytes

    def give_up(self) -> None:
        with self.lock:
            self.is_unwanted = True
            self.made.close()
