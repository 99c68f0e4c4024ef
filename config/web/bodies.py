"""Limits of request bodies, and the answers to requests that are too large or too slow.

`config/web/front.py` applies them to the request line and headers, before the body is read: a small
body is allowed for anybody, a form's and a file with rows for signed-in people and for tokens, a
model file's for admins on the pages that take one. The limit is for the whole request, whatever its
content and encoding.
"""

import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve

from config.web.programs import is_for_programs
from models_registry.store.uploads import BESIDE

KB, MB = 1024, 1024**2
SMALL = 64 * KB  # sign-in, sign-up, password reset
OF_A_FORM = 4 * MB
AT_ONCE = 2  # bodies larger than small, of one person in one process
FILES_AT_ONCE = 4  # of the largest: the disk for all bodies of one process
REFUSAL = "plumbline.refusal"  # the key in the environ of a refused request


class Refusal(Exception):
    """The refusal of a request before its whole body is received: the status and the sentence of
    the response."""

    status = 413
    retry_after: int | None = None


class TooLarge(Refusal):
    def __init__(self, most: int) -> None:
        size = f"{most // MB} MB" if most >= MB else f"{most // KB} kB"
        super().__init__(f"This is larger than the {size} that are taken here.")


class NotSignedIn(Refusal):
    status = 403

    def __init__(self) -> None:
        super().__init__("Sign in to send as much as this, then send it again.")


class NoToken(Refusal):
    status = 401

    def __init__(self) -> None:
        super().__init__("Send a valid token to send as much as this.")


class TooSlow(Refusal):
    status = 408

    def __init__(self) -> None:
        super().__init__("What you sent came too slowly and was not kept. Send it again.")


class TooMany(Refusal):
    status, retry_after = 429, 10

    def __init__(self) -> None:
        super().__init__("What you sent before is still being received. Wait until it is here.")


class NoRoom(Refusal):
    status, retry_after = 503, 30

    def __init__(self) -> None:
        super().__init__("Other files are being received. Try again in a minute.")


class Unjudged(Refusal):
    status, retry_after = 503, 10

    def __init__(self) -> None:
        super().__init__("Nobody can be recognised right now. Try again in a minute.")


@dataclass(frozen=True)
class Allowance:
    """The number of bytes that this request may send, and the sender."""

    most: int
    person: str


def files() -> dict[str, int]:
    """Return the pages that take large files, with the bytes that each takes."""
    # A file a little over its limit is received, so that the page can say so beside it.
    model_file = settings.ARTIFACT_MAX_BYTES + BESIDE
    return {
        "admin:models_registry_registeredmodel_upload": model_file,
        "admin:models_registry_modelversion_replace": model_file,
        "admin:models_registry_modelversion_reference": BESIDE,
    }


def files_of_programs() -> dict[str, int]:
    """Return the addresses on which a token that publishes may send a file, with the bytes that
    each takes."""
    return {"api:versions": settings.ARTIFACT_MAX_BYTES + BESIDE}


def files_of_people() -> dict[str, int]:
    """Return the pages on which everybody may bring a file, with the bytes that each takes."""
    return {"executions:rows": settings.BATCH_MAX_BYTES + OF_A_FORM}


def room() -> int:
    """Return the bytes of disk that one process may use for bodies that are being received."""
    return FILES_AT_ONCE * max(files().values())


def allowance(environ: dict[str, Any], size: int) -> Allowance:
    """Return the allowance of this request's sender. Raises Refusal if it is less than ``size``."""
    if is_for_programs(environ["PATH_INFO"]):
        return _of_a_program(environ, size)
    request = WSGIRequest({**environ, "wsgi.input": io.BytesIO()})
    try:
        SessionMiddleware(HttpResponse).process_request(request)
        user = get_user(request)
    except DatabaseError:
        raise Unjudged from None
    finally:
        connections.close_all()  # return it to the pool
    if not user.is_authenticated:
        raise NotSignedIn
    most = OF_A_FORM
    with suppress(Resolver404):
        page = resolve(request.path_info).view_name
        most = files_of_people().get(page, most)
        if user.is_staff:
            most = files().get(page, most)
    if size > most:
        raise TooLarge(most)
    return Allowance(most, str(user.pk))


def _of_a_program(environ: dict[str, Any], size: int) -> Allowance:
    """The allowance of a token, which is that of a form, or of a model file."""
    # Here, since gunicorn reads this module before Django.
    from accounts.sign_in.second_factor import lacks_second_factor
    from accounts.tokens.services import accepted, bearer

    try:
        token = accepted(bearer(environ.get("HTTP_AUTHORIZATION", "")))
        may_publish = token and token.may_publish and not lacks_second_factor(token.user)
    except DatabaseError:
        raise Unjudged from None
    finally:
        connections.close_all()
    if token is None:
        raise NoToken
    most = OF_A_FORM
    if may_publish:
        with suppress(Resolver404):
            most = files_of_programs().get(resolve(environ["PATH_INFO"]).view_name, most)
    if size > most:
        raise TooLarge(most)
    return Allowance(most, f"token {token.pk}")


class RefusalMiddleware:
    """The middleware that answers requests that the front refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refusal = request.META.get(REFUSAL)
        if refusal is None:
            return self.get_response(request)
        answer = render(request, "refused.html", {"sentence": refusal}, status=refusal.status)
        answer.sentence = str(refusal)  # type: ignore[attr-defined]  # programs read it alone
        answer["Connection"] = "close"  # its rest is not read
        if refusal.retry_after is not None:
            answer["Retry-After"] = str(refusal.retry_after)
        return answer
