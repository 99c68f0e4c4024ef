"""One request and its response over a child's socket, within a time limit, whatever the child does.

A child may have been taken over by the model that it opened. Nothing that it sends is trusted, it
cannot delay the worker past a deadline, and no reply may exceed ``MAX_REPLY``.
"""

from __future__ import annotations

import hashlib
import os
import select
import socket
import threading
import time
from collections.abc import Iterator

from model_host import wire
from model_host.protocol import MAX_REPLY, codec
from model_host.protocol.artifact import Artifact
from model_host.protocol.errors import HostError

CANCEL_CHECK_SECONDS = 0.05
CHUNK = 1024 * 1024


class ConversationEnded(Exception):
    """The child's end of the socket is closed."""


class PredictionCancelled(Exception):
    """The caller's event was set: the model's process was killed without a result."""


class ArtifactChanged(Exception):
    """The file is missing or has another digest; it was not opened."""


class Watch:
    """The remaining time of one exchange, and whether it was cancelled."""

    def __init__(self, seconds: float, cancelled: threading.Event | None = None) -> None:
        self.started = time.monotonic()
        self._seconds = seconds
        self._cancelled = cancelled

    def milliseconds(self) -> float:
        """Return how long to wait before polling again; raise when the time is up."""
        left = self.started + self._seconds - time.monotonic()
        if self._cancelled is not None:
            if self._cancelled.is_set():
                raise PredictionCancelled
            left_to_check = min(left, CANCEL_CHECK_SECONDS)
        else:
            left_to_check = left
        if left <= 0:
            raise HostError(
                "TIMEOUT",
                f"The model took longer than {self._seconds:g} seconds and was stopped.",
            )
        return max(1.0, left_to_check * 1000)


class Conversation:
    """A socket to a child. Every method observes its ``Watch``."""

    has_changed = False
    """Whether the child reported that its model has changed since it was opened."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.setblocking(False)
        self._poll = select.poll()

    @property
    def is_closed(self) -> bool:
        return self._connection.fileno() == -1

    def close(self) -> None:
        self._connection.close()

    def is_quiet(self) -> bool:
        """Return whether the child is alive and sends nothing."""
        self._poll.register(self._connection, select.POLLIN)
        return not self._poll.poll(0)

    def ask(self, request: bytes, artifact: Artifact | None, watch: Watch) -> object:
        """Send the framed request, and the artifact if one is given; return the result.

        HostError for what the child reports or what is no report; ConversationEnded.
        """
        self._send(request, watch)
        if artifact is not None:
            for chunk in _contents(artifact):
                self._send(chunk, watch)
        return self.answer(watch)

    def answer(self, watch: Watch) -> object:
        """Receive the next reply's result; HostError if it is an error, or no reply at all."""
        length = wire.MESSAGE_LENGTH.unpack(self._receive(wire.MESSAGE_LENGTH.size, watch))[0]
        if length > MAX_REPLY:
            raise HostError("CRASH", f"The model's process sent {length} bytes, which is too much.")
        try:
            reply = wire.parse(self._receive(length, watch))
            match reply:
                case {"ok": True, "result": result, **others} if others in ({}, {"changed": True}):
                    self.has_changed |= bool(others)
                    return result
                case {"ok": False, "error": error, **others} if not others:
                    raise wire.error_from_json(error)
        except codec.MalformedMessage as error:
            raise malformed(error) from None
        raise malformed("neither a result nor an error")

    def _send(self, data: bytes, watch: Watch) -> None:
        """Send all of ``data``, unless the child answers before it has received everything."""
        rest = memoryview(data)
        while rest:
            if self._wait(select.POLLIN | select.POLLOUT, watch) & select.POLLIN:
                return
            try:
                rest = rest[self._connection.send(rest) :]
            except BlockingIOError:
                continue
            except OSError:
                raise ConversationEnded from None

    def _receive(self, length: int, watch: Watch) -> bytearray:
        received = bytearray()
        while len(received) < length:
            self._wait(select.POLLIN, watch)
            try:
                chunk = self._connection.recv(min(length - len(received), CHUNK))
            except BlockingIOError:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                raise ConversationEnded
            received += chunk
        return received

    def _wait(self, events: int, watch: Watch) -> int:
        """The events that came; HostError or PredictionCancelled if they did not come in time."""
        self._poll.register(self._connection, events)
        while True:
            if ready := self._poll.poll(watch.milliseconds()):
                return ready[0][1]


def malformed(what: object) -> HostError:
    return HostError("CRASH", f"The model's process sent something unreadable: {what}.")


def _contents(artifact: Artifact) -> Iterator[bytes]:
    """The artifact's length and bytes as they go to a child, the last chunk held back until the
    digest of all that was read is right: no child ever has a whole file that is another one."""
    digest = hashlib.sha256()
    held = b""
    try:
        with artifact.path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size
            yield wire.ARTIFACT_LENGTH.pack(left)
            while left and (chunk := file.read(min(CHUNK, left))):
                left -= len(chunk)
                digest.update(chunk)
                yield held
                held = chunk
    except OSError as error:
        raise ArtifactChanged(f"{artifact.sha256} cannot be read: {error.strerror}") from error
    if digest.hexdigest() != artifact.sha256:
        raise ArtifactChanged(f"expected {artifact.sha256}, found {digest.hexdigest()}")
    yield held
