"""The flow that answers questions about a finished prediction: its curve over one input, or its
explanation where it has none yet.

Redis holds the question and its answer for a minute (`executions/services/exploring.py`); a curve
is stored nowhere else. The run's parameters are an id and an input's name, no value.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from prefect import flow
from redis.exceptions import RedisError

from config.logging import log_context
from executions.explanations.curve_drawing import points_of
from executions.models import Execution
from executions.services.exploring import (
    EXPLANATION,
    Explored,
    answer_exploration,
    read_exploration,
)
from flows.errors import NotQueued
from flows.explaining import explain
from flows.opened import opened
from flows.outcomes import Refused, refusals

logger = logging.getLogger(__name__)

NOT_NOW = "This could not be worked out just now. Try again in a minute."
TOO_SLOW = "The model is too slow, or needs too much memory, for a curve."


@flow(name="explore", persist_result=False)
def explore(execution_id: str, input: str) -> None:
    """Answer one question about a finished execution."""
    claim(execution_id, input).carry_out()


@dataclass(frozen=True)
class Exploration:
    """A question that has not expired."""

    execution: Execution
    input: str

    def carry_out(self) -> None:
        """Answer the question. Any error becomes a sentence in the answer."""
        with log_context(execution=self.execution.public_id):
            if self.input == EXPLANATION:
                explain(self.execution.pk)
                answer = Explored()
            else:
                answer = self._curve()
            try:
                answer_exploration(self.execution.pk, self.input, answer)
            except RedisError as error:
                logger.warning("exploration_unanswered error=%s", type(error).__name__)

    def _curve(self) -> Explored:
        execution, version = self.execution, self.execution.version
        schema = version.features.as_schema()
        inputs = schema.read(execution.inputs or {})
        feature = next((one for one in schema.features if one.name == self.input), None)
        points = points_of(feature, inputs[feature.name]) if feature else []
        if not points or not execution.is_pinned:
            return Explored(problem=NOT_NOW)
        try:
            with refusals(), opened(version, schema) as model:
                curve = model.curve(inputs, name=self.input, points=points)
        except Refused as refused:
            logger.warning("no_curve code=%s", refused.code)
            return Explored(problem=TOO_SLOW if refused.is_of_model else NOT_NOW)
        logger.info("curve_drawn points=%d", len(points))
        if curve.problem:
            return Explored(problem=curve.problem)
        return Explored(points=tuple(points), curve=curve)


def claim(execution_id: str, input: str, *, flow_run_id: UUID | None = None) -> Exploration:
    """Return a question that somebody still waits for, about an execution that still has its
    values. Raises NotQueued."""
    succeeded = Execution.objects.kept().filter(status=Execution.Status.SUCCEEDED, purged_at=None)
    execution = succeeded.filter(pk=UUID(execution_id)).select_related("version__model").first()
    try:
        asked = read_exploration(execution.pk, input) if execution else None
    except RedisError:
        asked = None
    if execution is None or asked is None or not asked.is_pending:
        raise NotQueued
    return Exploration(execution, input)
