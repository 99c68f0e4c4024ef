"""The endpoints of the Open Inference Protocol (``/v2``) and of MLflow's scorer (``/mlflow``).

A request brings a token with the scope ``predict``, as the API's do. It waits for its answers; one
that cannot be had in time is canceled, since nobody could ask for it again.
"""

import functools
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import parse_header_parameters
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from accounts.models import ApiToken, Scope
from config.version import VERSION
from executions.api.asking import ask_many, ask_one, live_for, waited
from executions.api.problems import Refused
from executions.api.reading import LONGEST_WAIT, admitted
from executions.batches.reading import results
from executions.dialects import frames, tensors
from executions.dialects.columns import Column, columns_of, expected_columns
from executions.dialects.refusals import mlflow_error, open_inference_error
from executions.dialects.rows import Raw
from executions.errors import AlreadyFinished, user_sentence
from executions.models import Execution
from executions.services import cancel_execution
from model_host.protocol.outputs import Outputs
from models_registry import own_rehearsals
from models_registry.models import ModelVersion

BINARY = "application/octet-stream"
HEADER = "Inference-Header-Content-Length"

View = Callable[..., HttpResponse]
Error = Callable[[HttpRequest, Refused], HttpResponse]


def _endpoint(error: Error, method: str) -> Callable[[View], View]:
    """Let a view answer requests of this method that bring a token, and tell what it refuses."""

    def wrapped(view: View) -> View:
        @csrf_exempt
        @login_not_required
        @functools.wraps(view)
        def answer(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            try:
                token = admitted(request, Scope.PREDICT)
                if request.method not in ({"GET", "HEAD"} if method == "GET" else {method}):
                    said = f"This address takes {method} alone."
                    raise Refused(405, said, headers={"Allow": method})
                return view(request, token, **kwargs)
            except Refused as refused:
                return error(request, refused)

        return answer

    return wrapped


def _answers(
    token: ApiToken, version: ModelVersion, rows: Sequence[Raw]
) -> tuple[Execution, list[Column]]:
    """Ask the model for the rows, wait, and return its answers as columns; Refused if a row has
    none. One row is a prediction as the form makes it, more are one batch."""
    if len(rows) == 1:
        execution = ask_one(token, version, rows[0])
    else:
        execution = ask_many(token, version, rows)
    if not execution.is_finished:
        execution = waited(execution, LONGEST_WAIT)
    if not execution.is_finished:
        with suppress(AlreadyFinished):
            execution = cancel_execution(execution=execution, by=token.user)
    targets = list(version.targets.all())
    return execution, columns_of(list(_outputs(execution)), targets)


def _outputs(execution: Execution) -> list[Outputs]:
    """The outputs of a finished execution, one for each row. Raises Refused if one is missing."""
    if execution.status == Execution.Status.CANCELED:
        raise Refused(
            503,
            f"The answer was not there within {LONGEST_WAIT} s, or at once while many others were "
            "waited for, and the run was canceled. Send it again, or use the API, which lets you "
            "look for the result later.",
            headers={"Retry-After": "10"},
        )
    if execution.status == Execution.Status.FAILED:
        raise _failed(execution.error_code, execution.message, "")
    if execution.purpose != Execution.Purpose.BATCH:
        outputs = execution.read_outputs()
        return [] if outputs is None else [outputs]
    found = []
    for row in results(execution):
        place = f"Row {row.index + 1}: "
        if row.failure:
            raise _failed(row.failure.code, row.failure.message, place)
        if row.outputs is None:
            raise _failed("CRASH", "", place)
        found.append(row.outputs)
    return found


def _failed(code: str, message: str, row: str) -> Refused:
    """The refusal of a row that the model did not answer. The model's own words about a value would
    repeat the value."""
    said = "The model could not use one of the values." if code == "INPUT" else ""
    sentence = f"{row}{said or user_sentence(code, message)}"
    if code in {"INPUT", "MODEL"}:
        return Refused(422, sentence)
    return Refused(503, sentence, headers={"Retry-After": "10"})


# --- Open Inference Protocol ----------------------------------------------------------------------


@require_safe
@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    """Say that the web server works."""
    return JsonResponse({"live": True})


@require_safe
@login_not_required
def ready(request: HttpRequest) -> HttpResponse:
    """Say whether requests can be taken: the database can be read. The protocol's document has
    ``live`` here, and KServe's client reads ``ready``."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        content = {"ready": False, "live": False}
        return JsonResponse(content, status=503, headers={"Retry-After": "10"})
    return JsonResponse({"ready": True, "live": True})


@_endpoint(open_inference_error, "GET")
def server(request: HttpRequest, token: ApiToken) -> HttpResponse:
    """Say what answers here."""
    content = {"name": "plumbline", "version": VERSION, "extensions": tensors.EXTENSIONS}
    return JsonResponse(content)


@_endpoint(open_inference_error, "GET")
def model(request: HttpRequest, token: ApiToken, slug: str, number: str = "") -> HttpResponse:
    """Say what a model takes and answers."""
    version = _version(token, slug, number)
    schema = version.features.as_schema()
    targets = list(version.targets.all())
    example = own_rehearsals.example_of(version, schema.typical_values())
    outputs = (
        columns_of([example.outputs], targets)
        if example
        else expected_columns(version.task, targets)
    )
    return JsonResponse(tensors.model_metadata(slug, version.number, schema, outputs))


@_endpoint(open_inference_error, "GET")
def model_ready(request: HttpRequest, token: ApiToken, slug: str, number: str = "") -> HttpResponse:
    """Say that a model is live."""
    _version(token, slug, number)
    return JsonResponse({"name": slug, "ready": True})


@_endpoint(open_inference_error, "POST")
def infer(request: HttpRequest, token: ApiToken, slug: str, number: str = "") -> HttpResponse:
    """Answer the rows of some tensors."""
    version = _version(token, slug, number)
    _check_type(request, {"application/json", BINARY, ""})
    schema = version.features.as_schema()
    asked = tensors.read_request(request.body, request.headers.get(HEADER), schema)
    execution, columns = _answers(token, version, asked.rows)
    head = {
        "model_name": slug,
        "model_version": str(execution.version.number),
        "parameters": {"execution_id": execution.public_id},
    }
    body, json_size = tensors.write_answer(asked, columns, head)
    if json_size is None:
        return HttpResponse(body, content_type="application/json")
    return HttpResponse(body, content_type=BINARY, headers={HEADER: str(json_size)})


def _version(token: ApiToken, slug: str, number: str) -> ModelVersion:
    version = live_for(token, slug)
    if number not in ("", str(version.number)):
        said = "This version of the model is not live. Ask without a version for the one that is."
        raise Refused(404, said)
    return version


def _check_type(request: HttpRequest, taken: set[str]) -> str:
    """Return the media type of the body. Raises Refused for one that is not taken, and for a body
    that is compressed."""
    media_type, parameters = parse_header_parameters(request.headers.get("Content-Type", ""))
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(415, "The body must not be compressed.")
    if media_type not in taken or parameters.get("charset", "utf-8").lower() not in _UTF8:
        known = " or ".join(sorted(filter(None, taken)))
        raise Refused(415, f"Send the body as {known} in UTF-8, and name it in Content-Type.")
    return media_type


_UTF8 = {"utf-8", "utf8", "us-ascii"}


# --- MLflow ---------------------------------------------------------------------------------------


@_endpoint(mlflow_error, "GET")
def ping(request: HttpRequest, token: ApiToken, slug: str) -> HttpResponse:
    """Say that the model is live."""
    live_for(token, slug)
    return HttpResponse("\n", content_type="application/json")


@_endpoint(mlflow_error, "GET")
def mlflow_version(request: HttpRequest, token: ApiToken, slug: str) -> HttpResponse:
    """Say which version of this product answers."""
    live_for(token, slug)
    return HttpResponse(VERSION, content_type="text/plain")


@_endpoint(mlflow_error, "POST")
def invocations(request: HttpRequest, token: ApiToken, slug: str) -> HttpResponse:
    """Answer the rows of a data frame."""
    version = live_for(token, slug)
    media_type = _check_type(request, {frames.JSON, frames.CSV})
    schema = version.features.as_schema()
    asked = frames.read_invocation(media_type, request.body, schema)
    _, columns = _answers(token, version, asked.rows)
    content = {"predictions": frames.predictions(columns, has_details=asked.has_details)}
    return HttpResponse(json.dumps(content), content_type="application/json")
