"""The operations of the API: models, predictions and batches."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Query
from ninja.errors import ValidationError
from pydantic import BaseModel

from accounts.models import Scope
from config.keyset import older
from config.version import VERSION
from executions.api import documents, schemas
from executions.api.asking import ask_many, ask_one, live_for, waited
from executions.api.problems import Fault, Refused, nothing_here, problem, refused_by
from executions.api.reading import ApiRequest, Token, json_body, key_of, wait_of
from executions.batches.reading import progress, results
from executions.errors import AlreadyFinished
from executions.models import Execution, ExecutionQuerySet
from executions.services import cancel_execution
from models_registry.models import ModelVersion

api = NinjaAPI(
    title="Plumbline",
    version=VERSION,
    description=(
        "Ask the models of this site. Make a token on the page “API tokens” of the account menu, "
        "and send it in the header Authorization."
    ),
    urls_namespace="api",
    docs_url=None,
    openapi_url=None,
)
USES, ASKS, READS = Token(Scope.PREDICT, Scope.READ), Token(Scope.PREDICT), Token(Scope.READ)
OF_ALL = dict.fromkeys((400, 401, 403, 406, 429, 500, 503), schemas.Problem)
OF_ONE = OF_ALL | {404: schemas.Problem}
OF_BODY = OF_ONE | dict.fromkeys((408, 409, 413, 415, 422), schemas.Problem)
OF_PAGE = OF_ALL | {422: schemas.Problem}

_BEFORE = Query(None, description="The id of a prediction: only those older than it")


@api.exception_handler(Refused)
def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    return problem(request, error)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Say which parameter of the address is not valid; the values stay out."""
    faults = [Fault(str(one["msg"]), parameter=str(one["loc"][-1])) for one in error.errors]
    return problem(request, Refused(422, "A parameter of the address is not valid.", faults))


def answer(content: BaseModel, status: int = 200, **headers: str) -> HttpResponse:
    """Return the content, whole as its schema declares it."""
    answer = HttpResponse(content.model_dump_json(), status=status, content_type="application/json")
    for name, value in headers.items():
        answer[name.replace("_", "-")] = value
    return answer


def answer_to_wait(
    content: BaseModel, url: str, is_finished: bool, seconds: int | None
) -> HttpResponse:
    """Return what was asked for: 200 if it was waited for and is finished, else 202 with the
    address to look at."""
    if seconds is None:
        return answer(content, 202, Location=url, Retry_After="1")
    applied = f"wait={seconds}"
    if is_finished:
        return answer(content, 200, Content_Location=url, Preference_Applied=applied)
    return answer(content, 202, Location=url, Retry_After="1", Preference_Applied=applied)


# --- Models -----------------------------------------------------------------------------------


@api.get(
    "/models",
    auth=USES,
    response={200: schemas.Models} | OF_ALL,
    url_name="models",
    tags=["Models"],
)
def list_models(request: ApiRequest) -> HttpResponse:
    """The models that are live, and that the token is for."""
    live = ModelVersion.objects.active().visible_to(request.auth.user)
    items = [
        schemas.ModelSummary(**schemas.summary_of(version))
        for version in live.select_related("model").order_by("model__name")
        if request.auth.allows(version.model.slug)
    ]
    return answer(schemas.Models(items=items))


@api.get(
    "/models/{slug:slug}",
    auth=USES,
    response={200: schemas.Model} | OF_ONE,
    url_name="model",
    tags=["Models"],
)
def get_model(request: ApiRequest, slug: str) -> HttpResponse:
    """A live model: its inputs with their rules, its outputs, and an example to send."""
    version = live_for(request.auth, slug)
    return answer(schemas.model_of(version, version.features.as_schema()))


@api.get(
    "/models/{slug:slug}/openapi.json",
    auth=USES,
    response={200: dict[str, Any]} | OF_ONE,
    url_name="model_document",
    tags=["Models"],
)
def get_model_document(request: ApiRequest, slug: str) -> HttpResponse:
    """The OpenAPI document of one model: its inputs by name, with types, ranges and choices."""
    version = live_for(request.auth, slug)
    return documents.answer(documents.of_model(api, version, version.features.as_schema()))


# --- Predictions ------------------------------------------------------------------------------


@api.post(
    "/models/{slug:slug}/predictions",
    auth=ASKS,
    response={
        200: schemas.Prediction | schemas.Batch,
        202: schemas.Prediction | schemas.Batch,
    }
    | OF_BODY,
    url_name="predict",
    tags=["Predictions"],
    openapi_extra=documents.OF_ASKING,
)
def create_prediction(request: ApiRequest, slug: str) -> HttpResponse:
    """Ask a model: `inputs` is one object, or up to 1,000 of them, which run as one batch.

    Without `Prefer: wait=10` the answer is 202 with the address to look at; with it, 200 once the
    result is there, else 202. The same Idempotency-Key with the same body never runs twice.
    """
    version = live_for(request.auth, slug)
    key, seconds = key_of(request), wait_of(request)
    inputs = inputs_of(json_body(request))
    if isinstance(inputs, Mapping):
        execution = ask_one(request.auth, version, inputs, key)
    else:
        execution = ask_many(request.auth, version, inputs, key)
    if seconds is not None and not execution.is_finished:
        execution = waited(execution, seconds)
    is_batch = execution.purpose == Execution.Purpose.BATCH
    content = _batch(execution, has_rows=True) if is_batch else schemas.prediction_of(execution)
    return answer_to_wait(content, content.url, execution.is_finished, seconds)


def inputs_of(body: Any) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
    """The inputs of a body: one object, or a list of objects."""
    if not isinstance(body, dict) or "inputs" not in body:
        detail = 'The body is an object with the member “inputs”: {"inputs": {…}}.'
        raise Refused(422, detail, [Fault(detail, pointer="")])
    if len(body) > 1:
        detail = "Beside “inputs”, the body has no member. Nothing was run."
        raise Refused(422, detail, [Fault(detail, pointer="")])
    inputs = body["inputs"]
    if isinstance(inputs, dict):
        return inputs
    if not isinstance(inputs, list) or not inputs:
        detail = "“inputs” is an object with a value for each input, or a list of such objects."
        raise Refused(422, detail, [Fault(detail, pointer="/inputs")])
    faults = [
        Fault("A row is an object with a value for each input.", pointer=f"/inputs/{place}")
        for place, row in enumerate(inputs)
        if not isinstance(row, dict)
    ]
    if faults:
        raise Refused(422, "Some rows are not objects. No row was run.", faults)
    return inputs


@api.get(
    "/predictions",
    auth=READS,
    response={200: schemas.Predictions} | OF_PAGE,
    url_name="predictions",
    tags=["Predictions"],
)
def list_predictions(
    request: ApiRequest,
    limit: int = Query(25, ge=1, le=100, description="How many"),
    before: uuid.UUID | None = _BEFORE,
) -> HttpResponse:
    """Your own predictions, the newest first."""
    found = _own(request, Execution.objects.visible_to(request.auth.user)).prefetch_related(
        "version__features", "version__targets"
    )
    if before is not None:
        edge = Execution.objects.own_of(request.auth.user).filter(pk=before).first()
        if edge is None:
            detail = "There is no prediction with this id."
            raise Refused(422, detail, [Fault(detail, parameter="before")])
        found = older(found, "requested_at", than=edge)
    rows = list(found.order_by("-requested_at", "-pk")[: limit + 1])
    following = None
    if len(rows) > limit:
        here = schemas.address("api:predictions")
        following = f"{here}?limit={limit}&before={rows[limit - 1].pk}"
    items = [schemas.prediction_of(row) for row in rows[:limit]]
    return answer(schemas.Predictions(items=items, next=following))


@api.get(
    "/predictions/{uuid:pk}",
    auth=USES,
    response={200: schemas.Prediction} | OF_ONE,
    url_name="prediction",
    tags=["Predictions"],
)
def get_prediction(request: ApiRequest, pk: uuid.UUID) -> HttpResponse:
    """One of your own predictions, whether it was asked here or on the form."""
    own = _own(request, Execution.objects.visible_to(request.auth.user))
    execution = own.filter(pk=pk).first()
    if execution is None:
        raise nothing_here()
    return answer(schemas.prediction_of(execution))


# --- Batches ----------------------------------------------------------------------------------


@api.get(
    "/batches/{uuid:pk}",
    auth=USES,
    response={200: schemas.Batch} | OF_ONE,
    url_name="batch",
    tags=["Batches"],
)
def get_batch(request: ApiRequest, pk: uuid.UUID) -> HttpResponse:
    """How far one of your own batches is."""
    return answer(_batch(_own_batch(request, pk)))


@api.get(
    "/batches/{uuid:pk}/rows",
    auth=USES,
    response={200: schemas.Rows} | OF_ONE | OF_PAGE,
    url_name="batch_rows",
    tags=["Batches"],
)
def list_batch_rows(
    request: ApiRequest,
    pk: uuid.UUID,
    first: int = Query(0, ge=0, le=10_000_000, description="The index to begin with"),
    limit: int = Query(100, ge=1, le=1000, description="How many"),
) -> HttpResponse:
    """The rows of a batch in their order; those not computed yet have neither result nor error."""
    execution = _own_batch(request, pk)
    total, last = execution.batch.row_count, first + limit
    found = results(execution, first=first, last=last)
    rows = schemas.rows_of(found, list(execution.version.targets.all()))
    here = schemas.address("api:batch_rows", pk)
    following = f"{here}?first={last}&limit={limit}" if last < total else None
    return answer(schemas.Rows(items=rows, total=total, next=following))


@api.post(
    "/batches/{uuid:pk}/cancel",
    auth=ASKS,
    response={200: schemas.Batch} | OF_ONE | {409: schemas.Problem},
    url_name="batch_cancel",
    tags=["Batches"],
)
def cancel_batch(request: ApiRequest, pk: uuid.UUID) -> HttpResponse:
    """Cancel a batch that is not finished. The rows that are done stay."""
    execution = _own_batch(request, pk)
    try:
        cancel_execution(execution=execution, by=request.auth.user)
    except AlreadyFinished as error:
        raise refused_by(error) from None
    return answer(_batch(execution))


def _own(request: ApiRequest, executions: ExecutionQuerySet) -> ExecutionQuerySet:
    """Those of the models that the token is for, with what an answer shows."""
    found = executions.select_related("version__model").defer(
        "traceback", "diagnostics", "search_text", "search_own"
    )
    only = request.auth.only_models
    return found.filter(version__model__slug__in=only) if only else found


def _own_batch(request: ApiRequest, pk: uuid.UUID) -> Execution:
    own = _own(request, Execution.objects.batches_of(request.auth.user))
    execution = own.select_related("batch").filter(pk=pk, purged_at=None).first()
    if execution is None:
        raise nothing_here()
    return execution


def _batch(execution: Execution, *, has_rows: bool = False) -> schemas.Batch:
    rows = None
    if has_rows and execution.is_finished:
        rows = schemas.rows_of(results(execution), list(execution.version.targets.all()))
    return schemas.batch_of(execution, progress(execution), rows)
