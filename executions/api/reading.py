"""What a program sends, read strictly: its token, media types, preferences, key and JSON."""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict
from django.utils.http import parse_header_parameters
from ninja.security import HttpBearer
from redis.exceptions import RedisError

from accounts.models import ApiToken, Scope
from accounts.sign_in.second_factor import lacks_second_factor
from accounts.tokens.services import accepted, bearer
from config.text.json_text import BadJson, NumberTooLarge, read_json
from executions.api.problems import Fault, Refused
from executions.errors import TooManyRequests
from executions.services.limits import check_token_rate

JSON, PARTS = "application/json", "multipart/form-data"
MOST_VALUES = 400_000
"""Values of one body: those of 1,000 rows with 400 inputs."""
LONGEST_WAIT = 30
"""The seconds that a request may ask to wait."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)
_READABLE = {"*/*", "application/*", JSON, "application/problem+json"}


class ApiRequest(HttpRequest):
    """A request with a valid token, whose account is ``auth.user``."""

    auth: ApiToken


class Token(HttpBearer):
    """The check of a request's token: it must be valid and have one of the scopes. Whether the
    address leads to anything is looked at only after it."""

    def __init__(self, *scopes: Scope) -> None:
        super().__init__()
        self.scopes = scopes

    def __call__(self, request: HttpRequest) -> ApiToken:
        token = admitted(request, *self.scopes)
        check_accept(request.headers.get("Accept", ""))
        return token

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        return admitted(request, *self.scopes)


def admitted(request: HttpRequest, *scopes: Scope) -> ApiToken:
    """Return the request's token with its account. Refuses one that is not valid (401), one with
    none of the scopes (403) or to publish for somebody who is no admin or lacks the second factor
    that the site asks for (403), and one that asks too often (429)."""
    token = accepted(bearer(request.headers.get("Authorization", "")))
    if token is None:
        raise Refused(
            401,
            "Send a valid token: Authorization: Bearer plb_… Tokens are made on the page “API "
            "tokens” of the account menu. This one is missing, wrong, expired or revoked.",
            headers={"WWW-Authenticate": 'Bearer realm="api"'},
        )
    try:
        check_token_rate(token)
    except TooManyRequests as error:
        raise Refused(
            429,
            f"The token sent more than {settings.API_REQUESTS_PER_MINUTE} requests within a "
            f"minute. Send the next one in {error.seconds} s, or many rows in one request.",
            headers={"Retry-After": str(error.seconds)},
        ) from None
    except RedisError:
        pass  # what cannot be counted is still answered
    if not set(scopes) & set(token.scopes):
        wanted = " or ".join(f"“{scope}”" for scope in scopes)
        raise Refused(403, f"This needs a token with the scope {wanted}.")
    if scopes == (Scope.PUBLISH,) and not token.may_publish:
        raise Refused(403, "Only admins publish models, and the token's account is no admin now.")
    if scopes == (Scope.PUBLISH,) and lacks_second_factor(token.user):
        said = "This site asks admins for a second factor, and the token's account has none."
        raise Refused(403, f"{said} Its owner sets it up on the page “Second factor”.")
    return token


def check_accept(header: str) -> None:
    """Refuse a request that takes no JSON (406)."""
    if not header.strip():
        return
    for part in header.split(","):
        kind, parameters = parse_header_parameters(part)
        if kind in _READABLE and not re.fullmatch(r"0(\.0*)?", parameters.get("q", "1")):
            return
    raise Refused(406, f"The answer is {JSON}. Send this, or nothing, in the header Accept.")


def parts_of(request: HttpRequest) -> tuple[QueryDict, MultiValueDict[str, UploadedFile]]:
    """Return the texts and the files of a body of multipart/form-data. Refuses another media type
    (415), and what cannot be read as its parts (400)."""
    kind, parameters = parse_header_parameters(request.headers.get("Content-Type", ""))
    if kind != PARTS or parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise Refused(415, f"The body must be {PARTS}, with the model in the part “file”.")
    try:
        return request.POST, request.FILES
    except RequestDataTooBig:
        raise Refused(413, "The texts beside the files are too long. Send them as files.") from None
    except (MultiPartParserError, SuspiciousOperation):
        raise Refused(400, f"The parts of the body cannot be read as {PARTS}.") from None


def json_body(request: HttpRequest) -> Any:
    """Return the JSON value of the body. Refuses another media type (415), and what is not JSON in
    UTF-8, has a name twice, or numbers that JSON does not know (400)."""
    kind, parameters = parse_header_parameters(request.headers.get("Content-Type", ""))
    if kind != JSON or parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise Refused(415, f"The body must be JSON in UTF-8. Send Content-Type: {JSON}.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(415, "The body must not be compressed.")
    try:
        text = request.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        detail = f"The body is not UTF-8: its byte {error.start + 1:,} belongs to no character."
        raise Refused(400, detail) from None
    try:
        return read_json(text, "The body", max_values=MOST_VALUES, any_texts=True)
    except NumberTooLarge:
        raise Refused(400, "The body has a number that is too large for a model.") from None
    except BadJson as error:
        raise Refused(400, str(error)) from None


def wait_of(request: HttpRequest) -> int | None:
    """Return the seconds that ``Prefer: wait=10`` asks to wait, at most LONGEST_WAIT; None where
    nothing is preferred (RFC 7240)."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found[1]), LONGEST_WAIT) if found else None


def key_of(request: HttpRequest) -> str | None:
    """Return the idempotency key; None without one. Refuses one that is too long (400)."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        detail = "A key has 1 to 255 characters of ASCII, without spaces: a UUID, say."
        raise Refused(400, detail, [Fault(detail, parameter="Idempotency-Key")])
    return key
