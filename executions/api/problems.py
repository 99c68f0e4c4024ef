"""Problem documents (RFC 9457): every error that a program is told.

A problem never repeats what was sent: a client's log keeps answers longer than a person would want
their inputs kept.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri

from config.errors import DomainError
from executions.errors import (
    AlreadyFinished,
    NoActiveVersion,
    OtherContent,
    QueueFull,
    TooManyBatches,
    TooManyRequests,
)
from models_registry.errors import StoreUnavailable, TooManyUploads, UploadUnderWay

MEDIA_TYPE = "application/problem+json"
KINDS = "urn:plumbline:problem:"
MOST_ERRORS = 100
"""The errors that one problem lists."""

TITLES = {
    400: "The request cannot be read",
    401: "A valid token is needed",
    403: "The token does not allow this",
    404: "Not found",
    405: "This method is not taken here",
    406: "This media type is not made here",
    408: "The request came too slowly",
    409: "Not possible now",
    413: "The request is too large",
    415: "This media type is not taken here",
    422: "The request is not valid",
    429: "Too many requests",
    431: "The header is too large",
    500: "Something went wrong here",
    503: "Not available right now",
}
NAMES = {
    400: "malformed", 401: "unauthorized", 403: "forbidden", 404: "not-found",
    405: "method-not-allowed", 406: "not-acceptable", 408: "too-slow", 409: "conflict",
    413: "too-large", 415: "unsupported-media-type", 422: "invalid", 429: "too-many-requests",
    431: "header-too-large", 500: "internal", 503: "unavailable",
}  # fmt: skip
DETAILS = {
    400: "The request is malformed, or is meant for another host.",
    403: "The request was refused.",
    404: "There is nothing under this address. Look at /api/v1/openapi.json for what there is.",
    405: "Look at the header Allow for the methods of this address.",
    413: "Send fewer rows in one request.",
    500: "Nothing is wrong with the request. The error is recorded.",
    503: "Nothing was accepted. Send the request again later.",
}
"""What is said of an error that was made outside of the API's own code."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: ``pointer`` leads to it in the body (RFC 6901), ``parameter`` names
    it in the address or the header; ``suggestion`` is a value that would be taken."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    suggestion: str | None = None


@dataclass(eq=False)
class Refused(Exception):
    """A request is refused; the answer is a problem document."""

    status: int
    detail: str
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def problem(request: HttpRequest, refused: Refused) -> HttpResponse:
    """Return the problem document of a refusal."""
    status = refused.status
    content = {
        "type": KINDS + NAMES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "-")),
        "title": TITLES.get(status, HTTPStatus(status).phrase),
        "status": status,
        "detail": refused.detail,
        "instance": iri_to_uri(request.path[:500]),
        "errors": [
            {
                "pointer": fault.pointer,
                "parameter": fault.parameter,
                "detail": fault.detail,
                "suggestion": fault.suggestion,
            }
            for fault in refused.faults[:MOST_ERRORS]
        ],
    }
    answer = HttpResponse(json.dumps(content), status=status, content_type=MEDIA_TYPE)
    for name, value in refused.headers.items():
        answer[name] = value
    return answer


def refused_by(error: DomainError) -> Refused:
    """Return the refusal that a broken rule means for a program."""
    if isinstance(error, NoActiveVersion):
        return no_model()
    if isinstance(error, TooManyRequests | TooManyBatches | TooManyUploads | UploadUnderWay):
        return Refused(429, error.message, headers={"Retry-After": str(error.seconds)})
    if isinstance(error, QueueFull | StoreUnavailable):
        return Refused(503, error.message, headers={"Retry-After": str(error.seconds)})
    if isinstance(error, OtherContent):
        return Refused(422, error.message)
    if isinstance(error, AlreadyFinished):
        return Refused(409, "This is already finished.")
    return Refused(409, error.message)


def no_model() -> Refused:
    """Return the one answer for a model that does not exist, is not live, or is not for the
    token."""
    return Refused(404, "There is no live model of this name. GET /api/v1/models lists those live.")


def nothing_here() -> Refused:
    return Refused(404, "There is nothing with this id that the token may see.")
