"""Views of a result's explanation and of the curve over one input."""

import uuid
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from redis.exceptions import RedisError

from accounts.requests import SignedInRequest
from config.text.numbers import whole_number
from executions.access import own_execution
from executions.errors import TooManyRequests
from executions.explanations.contributions import read_contributions
from executions.explanations.curve_drawing import draw, points_of
from executions.explanations.storing import explanation_of
from executions.input_fields import InputField
from executions.models import Execution
from executions.results.presentation import outcomes_of
from executions.services.exploring import EXPLANATION, read_exploration, request_exploration
from model_host.protocol.explanation import Explanation
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.input_schema import InputSchema, read_value

FIRST_WAIT_MS = 200
MOST_ASKS = 6
"""The number of polls by a page: after 200 ms, then twice as long each time, 13 s in all."""
SKELETON_ROWS = 5
MOST_VARYING = 200
"""The number of inputs whose other values a page offers to try."""
NEW = timedelta(seconds=20)
"""The age of a result beyond which its explanation must be requested."""
AWAY = "This cannot be worked out right now. The answer itself is not affected."


@require_http_methods(["GET", "POST"])
def execution_explanation(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the explanation, as a fragment of the result page. A POST requests it again."""
    execution = _succeeded(request, pk)
    sentence = ""
    if request.method == "POST" and explanation_of(execution) is None:
        sentence = _ask(request, execution, EXPLANATION)
    if not _is_htmx(request):
        return redirect(f"{reverse('executions:detail', args=[pk])}#result")
    asked = MOST_ASKS if sentence else _asked(request)
    schema = execution.version.features.as_schema()
    context = explanation_context(execution, schema, asked=asked, is_expected=True)
    context |= {"execution": execution, "ask_sentence": sentence, "is_late": True}
    return render(request, "executions/_contributions.html", context)


def explanation_context(
    execution: Execution, schema: InputSchema, *, asked: int = 0, is_expected: bool = False
) -> dict[str, Any]:
    """Build the context of `executions/_contributions.html` and `_curve.html` beside a result.
    The page asks for an explanation by itself where one ``is_expected``, or the result is new."""
    if execution.status != Execution.Status.SUCCEEDED or execution.outputs is None:
        return {}
    explanation = explanation_of(execution)
    is_new = execution.finished_at and timezone.now() - execution.finished_at < NEW
    content = explanation.read_content() if explanation else None
    targets = list(execution.version.targets.all())
    return {
        "explanation": explanation,
        "contributions": content
        and read_contributions(content, schema, execution.inputs or {}, targets),
        "is_explained_soon": explanation is None and asked < MOST_ASKS and (is_expected or is_new),
        "explain_n": asked + 1,
        "explain_ms": FIRST_WAIT_MS * 2 ** min(asked, MOST_ASKS),
        "skeleton": range(min(SKELETON_ROWS, len(schema.features))),
        "varying": (varying := _varying(execution, schema)),
        "chosen": _strongest(content, schema, varying),
    }


@require_http_methods(["GET", "POST"])
def execution_curve(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the curve of the answer over one input. A POST requests it; the page looks until the
    answer is there, or for a minute."""
    execution = _succeeded(request, pk)
    schema = execution.version.features.as_schema()
    chosen = (request.POST if request.method == "POST" else request.GET).get("input", "")
    feature = _feature(execution, schema, chosen)
    sentence = _ask(request, execution, feature.name) if request.method == "POST" else ""
    if request.method == "POST" and not sentence and not _is_htmx(request):
        page = reverse("executions:curve", args=[pk])
        return redirect(f"{page}?input={chosen}")
    context = {
        "execution": execution,
        "model": execution.version.model,
        "varying": _varying(execution, schema),
        "chosen": int(chosen),
        "is_asked": True,
        "curve_n": _asked(request) + 1,
        "curve_ms": FIRST_WAIT_MS * 2 ** min(_asked(request), 3),
    } | ({"curve_sentence": sentence} if sentence else _curve(request, execution, feature, chosen))
    part = "_curve_answer" if _is_htmx(request) else "execution_curve"
    return render(request, f"executions/{part}.html", context)


def _curve(
    request: SignedInRequest, execution: Execution, feature: FeatureSpec, chosen: str
) -> dict[str, Any]:
    """The context of the drawing: the curve, that it is pending, or why there is none."""
    try:
        answer = read_exploration(execution.pk, feature.name)
    except RedisError:
        return {"curve_sentence": AWAY}
    if answer is None or answer.is_pending:
        return {"is_curve_soon": answer is not None}
    if answer.curve is None:
        return {"curve_sentence": answer.problem}
    own = read_value(feature, (execution.inputs or {}).get(feature.name))
    targets = list(execution.version.targets.all())
    outcomes = outcomes_of(execution.version) if answer.curve.quantity == "value" else None
    curve = draw(answer.curve, answer.points, feature, own, targets, outcomes=outcomes)
    field = InputField(feature, f"f{chosen}")
    texts = [field.text_of(point, request.user.decimal_mark) for point in answer.points]
    return {"curve": curve, "usable": list(zip(curve.points, texts, strict=True))}


def varied_value(execution: Execution, position: str, point: str) -> dict[str, Scalar]:
    """Return the value of a curve's point by its input's name, empty without such a point. An
    address names it by its place alone, so that no value stands in an address."""
    schema = execution.version.features.as_schema()
    place, number = whole_number(position, digits=4), whole_number(point, digits=4)
    if place is None or number is None or place >= len(schema.features):
        return {}
    feature = schema.features[place]
    points = points_of(feature, read_value(feature, (execution.inputs or {}).get(feature.name)))
    return {feature.name: points[number]} if number < len(points) else {}


def _ask(request: SignedInRequest, execution: Execution, input: str) -> str:
    """Send the request to a worker; returns a sentence that says why it could not be sent, else
    ""."""
    try:
        request_exploration(user=request.user, execution=execution, input=input)
    except TooManyRequests as error:
        return error.message
    except RedisError:
        return AWAY
    return ""


def _succeeded(request: SignedInRequest, pk: uuid.UUID) -> Execution:
    execution = own_execution(request, pk)
    if execution.status != Execution.Status.SUCCEEDED:
        raise Http404
    return execution


def _varying(execution: Execution, schema: InputSchema) -> list[tuple[int, str]]:
    """(position, label) of each input whose other values can be tried: a number, a choice, or yes
    and no; none without a number that could change."""
    outputs = execution.read_outputs()
    has_number = outputs is not None and (
        outputs.task == "regression" or outputs.targets[0].confidence is not None
    )
    inputs = schema.read(execution.inputs or {})
    varying = [
        (position, feature)
        for position, feature in enumerate(schema.features)
        if has_number and feature.is_asked
    ]
    return [
        (position, feature.label)
        for position, feature in varying[:MOST_VARYING]
        if points_of(feature, inputs[feature.name])
    ]


def _strongest(
    content: Explanation | None, schema: InputSchema, varying: list[tuple[int, str]]
) -> int | None:
    """The position of the input that moved the answer most, of those that have a curve."""
    offered = {schema.features[position].name: position for position, _ in varying}
    moved = content.contributions if content else ()
    return next((offered[one.name] for one in moved if one.name in offered), None)


def _feature(execution: Execution, schema: InputSchema, chosen: str) -> FeatureSpec:
    """The input at the position that a form or an address names; 404 for any other."""
    if chosen in {str(position) for position, _ in _varying(execution, schema)}:
        return schema.features[int(chosen)]
    raise Http404


def _is_htmx(request: SignedInRequest) -> bool:
    """Whether the page requests the fragment alone."""
    return request.headers.get("HX-Request") == "true"


def _asked(request: SignedInRequest) -> int:
    """The number of polls by the page."""
    return whole_number(request.GET.get("n", ""), digits=4, default=0)
