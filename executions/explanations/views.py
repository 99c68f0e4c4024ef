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
from executions.models import Execution
from executions.services.exploring import EXPLANATION, read_exploration, request_exploration
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.input_schema import InputSchema

FIRST_WAIT_MS = 200
MOST_ASKS = 6
"""The number of polls by a page: after 200 ms, then twice as long each time, 13 s in all."""
SKELETON_ROWS = 5
MOST_VARYING = 200
"""The number of inputs for which a page offers a curve."""
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
    context |= {"execution": execution, "ask_sentence": sentence}
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
        "varying": _varying(execution, schema),
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
        "curve_n": _asked(request) + 1,
        "curve_ms": FIRST_WAIT_MS * 2 ** min(_asked(request), 3),
    } | ({"curve_sentence": sentence} if sentence else _curve(execution, feature))
    template = "executions/_curve.html" if _is_htmx(request) else "executions/execution_curve.html"
    return render(request, template, context)


def _curve(execution: Execution, feature: FeatureSpec) -> dict[str, Any]:
    """The context of the drawing: the curve, that it is pending, or why there is none."""
    try:
        answer = read_exploration(execution.pk, feature.name)
    except RedisError:
        return {"curve_sentence": AWAY}
    if answer is None or answer.is_pending:
        return {"is_curve_soon": answer is not None}
    if answer.curve is None:
        return {"curve_sentence": answer.problem}
    own = (execution.inputs or {}).get(feature.name)
    targets = list(execution.version.targets.all())
    return {"curve": draw(answer.curve, answer.points, feature, own, targets)}


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
    """(position, label) of each input that a curve can be drawn for; none without a number that
    could change."""
    outputs = execution.read_outputs()
    has_number = outputs is not None and (
        outputs.task == "regression" or outputs.targets[0].confidence is not None
    )
    inputs = schema.read(execution.inputs or {})
    numbers = [
        (position, feature)
        for position, feature in enumerate(schema.features)
        if has_number and feature.is_number
    ]
    return [
        (position, feature.label)
        for position, feature in numbers[:MOST_VARYING]
        if points_of(feature, inputs[feature.name])
    ]


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
