"""Requests of programs: they bring a token and no cookie, and are told of every error as JSON.

What answers before the API does, or instead of it (no such address, a method that is not taken, a
refused body, the database away), is an HTML page, which becomes a problem document here, or an
error of the dialect whose address it is.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from executions.api.problems import DETAILS, MEDIA_TYPE, TITLES, Refused, problem
from executions.dialects.refusals import mlflow_error, open_inference_error

PROGRAMS = {"/api/": problem, "/v2/": open_inference_error, "/mlflow/": mlflow_error}
"""The beginnings of the addresses that are for programs, and how they are told of errors."""
_SAID = (MEDIA_TYPE, "application/json")
_KEPT = ("Allow", "Retry-After", "WWW-Authenticate", "Connection")


def is_for_programs(path: str) -> bool:
    return f"{path}/".startswith(tuple(PROGRAMS))


class ProgramsMiddleware:
    """The middleware that takes cookies away from requests of programs, and gives their errors as
    documents."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_for_programs(request.path_info):
            return self.get_response(request)
        request.COOKIES = {}
        request.META.pop("HTTP_COOKIE", None)
        response = self.get_response(request)
        if response.status_code < 400 or response["Content-Type"].startswith(_SAID):
            return response
        return as_error(request, response)


def as_error(request: HttpRequest, page: HttpResponse) -> HttpResponse:
    """Return what programs are told instead of an error page, with the headers that matter."""
    status = page.status_code
    sentence = getattr(page, "sentence", "") or DETAILS.get(status) or TITLES.get(status, "")
    headers = {name: page[name] for name in _KEPT if page.has_header(name)}
    if status in {429, 503}:
        headers.setdefault("Retry-After", "10")
    start = next(start for start in PROGRAMS if f"{request.path_info}/".startswith(start))
    return PROGRAMS[start](request, Refused(status, str(sentence), headers=headers))
