"""The operations of the API that publish a model: upload a file as its next version, follow the
inspection, test and promote. For tokens that may publish."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Q
from django.http import HttpResponse
from ninja import Query, Router

from accounts.models import ApiToken, Scope
from config.errors import DomainError
from config.text.numbers import written_with
from config.text.plain_text import unfit
from engine import wakeup
from executions.api import documents, schemas
from executions.api import version_schemas as answers
from executions.api.asking import ask_test, wait_for_all
from executions.api.documents import PARTS
from executions.api.problems import Fault, Refused, nothing_here, refused_by
from executions.api.reading import ApiRequest, Token, json_body, parts_of, wait_of
from executions.api.routes import OF_BODY, OF_ONE, OF_PAGE, answer, answer_to_wait, inputs_of
from executions.models import Execution
from models_registry import services
from models_registry.admin.upload import receive
from models_registry.errors import AlreadyActive, BadText, WasLive
from models_registry.forms.upload_forms import UploadForm
from models_registry.models import ModelVersion, RegisteredModel
from models_registry.promotion.readiness import readiness_of
from models_registry.taking_over import source_for

router = Router(auth=Token(Scope.PUBLISH), tags=["Versions"])
OF_MODEL = "/models/{slug:slug}/versions"
ONE = OF_MODEL + "/{int:number}"
FLAGS = ("is_held_out", "profile_only", "fresh")
TICKS = ("libraries_tested", "inputs_reviewed", "raw_values")
_BEFORE = Query(None, ge=1, le=2**31 - 1, description="A number: only the versions before it")


@router.get(OF_MODEL, response={200: answers.Versions} | OF_ONE | OF_PAGE, url_name="versions")
def list_versions(
    request: ApiRequest,
    slug: str,
    limit: int = Query(25, ge=1, le=100, description="How many"),
    before: int | None = _BEFORE,
) -> HttpResponse:
    """The versions of a model, live or not, the newest first."""
    model = _model_for(request.auth, slug)
    found = model.versions.select_related("model").order_by("-number")
    if before is not None:
        found = found.filter(number__lt=before)
    rows = list(found[: limit + 1])
    following = None
    if len(rows) > limit:
        here = schemas.address("api:versions", slug)
        following = f"{here}?limit={limit}&before={rows[limit - 1].number}"
    items = [answers.version_summary(version) for version in rows[:limit]]
    return answer(answers.Versions(items=items, next=following))


@router.post(
    OF_MODEL,
    response={200: answers.VersionDetail, 202: answers.VersionDetail} | OF_BODY,
    url_name="version_upload",
    openapi_extra=documents.OF_UPLOADING,
)
def create_version(request: ApiRequest, slug: str) -> HttpResponse:
    """Upload a model file as the next version, a draft, which is inspected at once.

    It takes over labels, groups, rules and saved cases of the version before, unless `fresh`. With
    `Prefer: wait=30` the answer is 200 once the inspection has ended, passed or not.
    """
    model, seconds = _model_for(request.auth, slug), wait_of(request)
    source = source_for(model)
    form = _form_of(request, source)
    try:
        version = receive(model, form, source, request.auth.user)
    except DomainError as error:
        raise refused_by(error) from None
    is_over = seconds is not None and wait_for_all(
        version.inspections.all(), seconds, account=request.auth.user_id
    )
    content = answers.version_detail(_version_for(request.auth, slug, version.number))
    return answer_to_wait(content, content.url, is_over, seconds)


@router.get(ONE, response={200: answers.VersionDetail} | OF_ONE, url_name="version")
def get_version(request: ApiRequest, slug: str, number: int) -> HttpResponse:
    """One version: its inspection step by step, and what a promotion still misses."""
    return answer(answers.version_detail(_version_for(request.auth, slug, number)))


@router.post(
    f"{ONE}/tests",
    response={200: schemas.Prediction, 202: schemas.Prediction} | OF_BODY,
    url_name="version_tests",
    openapi_extra=documents.OF_TESTING,
)
def create_test(request: ApiRequest, slug: str, number: int) -> HttpResponse:
    """Test a version on one object of inputs, and run its saved cases as well.

    A test that succeeds allows a promotion, if every case passes. With `Prefer: wait=30` the answer
    is 200 once the test and the cases have ended.
    """
    version, seconds = _version_for(request.auth, slug, number), wait_of(request)
    inputs = inputs_of(json_body(request))
    if not isinstance(inputs, Mapping):
        detail = "A test takes one object with a value for each input."
        raise Refused(422, detail, [Fault(detail, pointer="/inputs")])
    execution = ask_test(request.auth, version, inputs)
    is_over = False
    if seconds is not None:
        runs = Q(pk=execution.pk) | Q(test_case__version=version)
        is_over = wait_for_all(
            Execution.objects.filter(runs), seconds, account=request.auth.user_id
        )
        execution.refresh_from_db()
    content = answers.test_of(execution)
    return answer_to_wait(content, content.url, is_over, seconds)


@router.get(
    ONE + "/tests/{uuid:pk}",
    response={200: schemas.Prediction} | OF_ONE,
    url_name="version_test",
)
def get_test(request: ApiRequest, slug: str, number: int, pk: uuid.UUID) -> HttpResponse:
    """One test of a version."""
    version = _version_for(request.auth, slug, number)
    tests = Execution.objects.filter(purpose=Execution.Purpose.TEST, version=version)
    execution = tests.select_related("version__model").filter(pk=pk).first()
    if execution is None:
        raise nothing_here()
    return answer(answers.test_of(execution))


@router.post(
    f"{ONE}/promotion",
    response={200: answers.VersionDetail} | OF_BODY,
    url_name="version_promotion",
    openapi_extra=documents.OF_PROMOTING,
)
def create_promotion(request: ApiRequest, slug: str, number: int) -> HttpResponse:
    """Make a tested version the live one, and tell everybody what changed.

    What it still misses is 409, with an error for each; those with a pointer are confirmed by that
    member of the body.
    """
    version = _version_for(request.auth, slug, number)
    text, ticks = _promotion_of(json_body(request))
    with written_with("."):
        missing = readiness_of(version).missing(**ticks)
    if missing:
        raise _not_ready(missing)
    wakeup.warm(version.pk, wait_seconds=wakeup.WARM_SECONDS)
    try:
        services.promote(version=version, text=text, by=request.auth.user, **ticks)
    except BadText as error:
        raise Refused(422, error.message, [Fault(error.message, pointer="/changes")]) from None
    except DomainError as error:  # something changed meanwhile
        raise refused_by(error) from None
    return answer(answers.version_detail(_version_for(request.auth, slug, number)))


def _model_for(token: ApiToken, slug: str) -> RegisteredModel:
    """A registered model that the token is for and its account sees. Refuses every other name
    alike."""
    seen = RegisteredModel.objects.visible_to(token.user)
    model = seen.filter(slug=slug).first() if token.allows(slug) else None
    if model is None:
        raise Refused(404, "There is no model of this name that the token is for.")
    return model


def _version_for(token: ApiToken, slug: str, number: int) -> ModelVersion:
    model = _model_for(token, slug)
    version = model.versions.select_related("model").filter(number=number).first()
    if version is None:
        raise nothing_here()
    return version


def _form_of(request: ApiRequest, source: ModelVersion | None) -> UploadForm:
    """The form of the upload page, filled in with the parts of the body and valid."""
    texts, files = parts_of(request)
    data, faults = texts.dict(), []
    sent = {name: len(texts.getlist(name) + files.getlist(name)) for name in {*texts, *files}}
    if not set(sent) <= set(PARTS):
        faults.append(Fault(f"There are no parts but {', '.join(PARTS)}.", pointer=""))
    if any(count > 1 for count in sent.values()):
        faults.append(Fault("A part comes twice. Send each once.", pointer=""))
    faults += [
        Fault("Send true or false.", pointer=f"/{name}")
        for name in FLAGS
        if data.get(name, "false") not in ("true", "false")
    ]
    if "file" not in files:
        faults.append(Fault("Send the model as a file: -F file=@model.joblib", pointer="/file"))
    if str(data.get("config", "")).strip():
        files["config"] = SimpleUploadedFile("config", str(data["config"]).encode())
    data["takes_over"] = "true" if data.get("fresh", "false") == "false" else "false"
    form = UploadForm(data, files, source=source)
    if not faults:
        for name, errors in form.errors.items():
            pointer = f"/{name}" if name in PARTS else ""
            faults += [Fault(str(error), pointer=pointer) for error in errors]
    if faults:
        raise Refused(422, "What was sent cannot be used. Nothing was kept.", faults)
    return form


def _promotion_of(body: Any) -> tuple[str, dict[str, bool]]:
    """The text and the confirmations of a promotion."""
    if not isinstance(body, dict) or not set(body) <= {"changes", *TICKS}:
        detail = f"The body is an object with “changes” and, if need be, {', '.join(TICKS)}."
        raise Refused(422, detail, [Fault(detail, pointer="")])
    text = body.get("changes", "")
    faults = [
        Fault("Send true or false.", pointer=f"/{name}")
        for name in TICKS
        if not isinstance(body.get(name, False), bool)
    ]
    if not isinstance(text, str):
        faults.append(Fault("Send a text.", pointer="/changes"))
    elif character := unfit(text):
        detail = f"The text holds a character that cannot be stored ({character})."
        faults.append(Fault(detail, pointer="/changes"))
    if faults:
        raise Refused(422, "What was sent cannot be used. Nothing was changed.", faults)
    return text, {name: body.get(name, False) for name in TICKS}


def _not_ready(missing: list[DomainError]) -> Refused:
    """The refusal of a promotion, with an error for each thing that is missing."""
    if isinstance(missing[0], AlreadyActive | WasLive):
        missing = missing[:1]
    one = missing[0].message
    detail = one if len(missing) == 1 else f"{len(missing)} things are missing to go live."
    faults = []
    for error in missing:
        member = answers.CONFIRMATIONS.get(type(error))
        pointer, suggestion = (f"/{member}", "true") if member else (None, None)
        faults.append(Fault(error.message, pointer=pointer, suggestion=suggestion))
    return Refused(409, detail, faults)
