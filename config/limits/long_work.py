"""Turns for requests that may keep a thread of a web process for seconds: whole files that are
read, checked or written, and PDFs.

A web process has four threads for people. So many requests in a row would take all of them, and
nobody would get a page: a request for which there is no turn is refused at once.
"""

import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from threading import BoundedSemaphore, RLock
from typing import Any, Concatenate, ParamSpec

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse

from config.limits.rate_window import too_many_requests

AT_ONCE = 3
"""Of the four threads of a web process at least one is left for other pages."""
OF_ONE_PERSON = 2
RETRY_SECONDS = 10


class Turns:
    """The turns of a process: all, and those that each person has."""

    def __init__(self) -> None:
        self.all = BoundedSemaphore(AT_ONCE)
        self.own: Counter[int] = Counter()
        self.lock = RLock()  # a turn that is forgotten ends whenever Python finds out

    def end(self, person: int) -> None:
        with self.lock:
            self.all.release()
            self.own[person] -= 1
            self.own += Counter()  # forget who has none


turns = Turns()


class NoTurn(Exception):
    """Other requests, or those of this person, keep too many threads already."""


class Turn:
    """The right of a person's request to keep its thread. It ends with ``end``, or when
    nothing refers to it any more: an answer may never be read."""

    def __init__(self, person: int) -> None:
        with turns.lock:
            if turns.own[person] >= OF_ONE_PERSON or not turns.all.acquire(blocking=False):
                raise NoTurn
            turns.own[person] += 1
        self.end = weakref.finalize(self, turns.end, person)
        self.end.atexit = False


class _Kept:
    """The parts of a streamed answer, which keep the turn until the last one is made."""

    def __init__(self, parts: Any, turn: Turn) -> None:
        self._parts, self._turn = iter(parts), turn

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._parts)
        except BaseException:
            self._turn.end()
            raise

    def close(self) -> None:
        self._turn.end()


View = ParamSpec("View")


def takes_long(
    view: Callable[Concatenate[Any, View], HttpResponseBase],
) -> Callable[Concatenate[Any, View], HttpResponseBase]:
    """Decorate a view that may keep its thread for long, also while its answer is streamed: without
    a turn it is answered with 429."""

    @wraps(view)
    def answer(request: Any, /, *args: View.args, **kwargs: View.kwargs) -> HttpResponseBase:
        try:
            turn = Turn(request.user.pk)
        except NoTurn:
            return too_many_requests(request, RETRY_SECONDS)
        is_going_on = False
        try:
            response = view(request, *args, **kwargs)
            # The lines of a streamed answer are made while it is sent; a file is made.
            if isinstance(response, StreamingHttpResponse) and not isinstance(
                response, FileResponse
            ):
                response.streaming_content = _Kept(response.streaming_content, turn)
                is_going_on = True
        finally:
            if not is_going_on:
                turn.end()
        return response

    return answer
