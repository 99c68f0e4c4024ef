"""The background job that explains predictions while no prediction waits.

A result is never delayed: a slot only notes that its prediction is unexplained. One thread of the
worker takes the notes, the newest first, once a slot has been free for a moment; under load the
oldest notes are dropped, and the page then offers to request the explanation (`docs/adr/0006`). No
error here affects the prediction.
"""

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import close_old_connections, connections

from config.logging import log_context
from executions.explanations.storing import EXPLAINED_PURPOSES, store_explanation, unexplained
from executions.models import Execution
from flows.opened import opened
from flows.outcomes import Refused, refusals
from model_host.protocol.explanation import Explanation
from model_host.protocol.inputs import Scalar
from models_registry.inputs.input_schema import InputSchema

logger = logging.getLogger(__name__)

MOST_WAITING = 200
QUIET_SECONDS = 0.05
"""Seconds of a free slot before an explanation starts: between two runs of a full queue it is free
for less."""

TOOK_TOO_MUCH = "Working out the explanation took too long or too much memory."
CHANGES_ITS_MIND = "The model gives another answer now than it did then, so it cannot be explained."
"""It answers at random, or another runtime has served it since."""


@dataclass(frozen=True)
class Case:
    """A succeeded prediction to explain, as it was claimed and written."""

    execution: Execution
    schema: InputSchema
    inputs: dict[str, Scalar]


class Notes:
    """The predictions of this process that have no explanation yet. Thread-safe."""

    def __init__(self) -> None:
        self._waiting: deque[Case] = deque(maxlen=MOST_WAITING)
        self._there = threading.Event()

    def add(self, case: Case) -> None:
        """Note a prediction; one that gets no explanation, such as a replay, is passed over."""
        if case.execution.purpose in EXPLAINED_PURPOSES:
            self._waiting.append(case)
            self._there.set()

    def work_off(self, is_busy: Callable[[], bool], stopping: threading.Event) -> None:
        """Explain until ``stopping``, one at a time, while not ``is_busy``."""
        while not stopping.is_set():
            if not self._there.wait(1.0):
                continue
            was_busy = is_busy()
            stopping.wait(QUIET_SECONDS)
            if was_busy or is_busy() or stopping.is_set():
                continue
            try:
                case = self._waiting.pop()
            except IndexError:
                self._there.clear()
                continue
            _explain_quietly(case)


notes = Notes()


def _explain_quietly(case: Case) -> None:
    close_old_connections()
    try:
        _explain(case)
    except Exception:  # any error: the next one must still be explained
        logger.exception("explanation_broke")
    finally:
        connections.close_all()


def explain(execution_id: UUID) -> None:
    """Explain a succeeded prediction that has no explanation yet. Where the file or the model's
    process is missing at the moment, it stays unexplained and can be asked for again."""
    execution = unexplained().filter(pk=execution_id).select_related("version__model").first()
    if execution is None or not execution.is_pinned:
        return
    schema = execution.version.features.as_schema()
    _explain(Case(execution, schema, schema.read(execution.inputs or {})))


def _explain(case: Case) -> None:
    execution = case.execution
    with log_context(execution=execution.public_id):
        try:
            with refusals(), opened(execution.version, case.schema) as model:
                explanation = model.explain(
                    case.inputs, typical_case(case.schema), seed=execution.pk.int % 2**63
                )
        except Refused as refused:
            logger.warning("not_explained code=%s", refused.code)
            if refused.is_of_model:
                store_explanation(execution.pk, problem=TOOK_TOO_MUCH)
            return
        problem = explanation.problem or _doubt(execution, explanation)
        content = None if problem else explanation
        store_explanation(execution.pk, content=content, problem=problem)
        logger.info(
            "explained method=%s rows=%d seconds=%.3f has_problem=%s",
            explanation.method,
            explanation.rows,
            explanation.seconds,
            bool(problem),
        )


def typical_case(schema: InputSchema) -> dict[str, Scalar]:
    """Return the typical row, without required inputs of which nothing is known."""
    row = schema.read(schema.typical_values())
    return {
        feature.name: row[feature.name]
        for feature in schema.features
        if row[feature.name] is not None or feature.may_be_missing
    }


def _doubt(execution: Execution, explanation: Explanation) -> str:
    """The reason to reject an explanation: it must explain the answer that was given."""
    outputs = execution.read_outputs()
    assert outputs is not None
    target = outputs.targets[0]
    given = target.value if explanation.quantity == "value" else target.confidence
    is_same = explanation.label is None or explanation.label == target.value
    close = isinstance(given, int | float) and math.isclose(
        given, explanation.prediction, rel_tol=1e-6, abs_tol=1e-9
    )
    return "" if is_same and close else CHANGES_ITS_MIND
