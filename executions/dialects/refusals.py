"""Refusals as the clients of the two dialects read them. Needs no tables: the web server's front
tells its own refusals by these, too."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from config.text.numbers import count_text
from executions.api.problems import Fault, Refused
from models_registry.inputs.labels import visible

MOST_SAID = 5
CODES = {
    401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST",
    405: "ENDPOINT_NOT_FOUND", 409: "INVALID_STATE", 413: "INVALID_PARAMETER_VALUE",
    422: "INVALID_PARAMETER_VALUE", 429: "REQUEST_LIMIT_EXCEEDED", 500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}  # fmt: skip
"""MLflow's names; every other status is a BAD_REQUEST."""


def open_inference_error(request: HttpRequest, refused: Refused) -> HttpResponse:
    """Return an error as the Open Inference Protocol has it. KServe's client shows it only where
    the type is exactly this one."""
    return _answer(refused, {"error": in_words(refused)})


def mlflow_error(request: HttpRequest, refused: Refused) -> HttpResponse:
    """Return an error as MLflow's clients read it."""
    code = CODES.get(refused.status, "BAD_REQUEST")
    return _answer(refused, {"error_code": code, "message": in_words(refused)})


def _answer(refused: Refused, content: Any) -> HttpResponse:
    return JsonResponse(content, status=refused.status, headers=dict(refused.headers))


def in_words(refused: Refused) -> str:
    """Return a refusal as one sentence or a few: the first faults with their row and input. No
    value is repeated."""
    said = [_in_words(fault) for fault in refused.faults if fault.detail != refused.detail]
    more = len(said) - MOST_SAID
    rest = [f"There are {count_text(more)} more."] if more > 0 else []
    return " ".join([refused.detail, *said[:MOST_SAID], *rest])


def _in_words(fault: Fault) -> str:
    """A fault whose pointer is "/inputs/3/age", or "/inputs/age" of a single row."""
    place = (fault.pointer or "").removeprefix("/inputs").removeprefix("/").split("/")
    row = int(place.pop(0)) + 1 if len(place) > 1 and place[0].isdecimal() else 1
    name = "/".join(place).replace("~1", "/").replace("~0", "~")
    where = f"Row {count_text(row)}" + (f", input “{visible(name)}”" if name else "")
    return f"{where}: {fault.detail}"
