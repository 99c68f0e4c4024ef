"""Copies of Prefect's flow run states, kept beside the attempts, for when Prefect is unreachable or
has deleted the run.

A worker keeps what it told Prefect of a prediction that went as planned. The others are read from
Prefect while no execution is queued, the latest attempts first: it returns one run per request, and
a prediction must not wait for that.
"""

import time
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db.models import Value
from django.db.models.functions import Now
from django.utils import timezone

from engine import gateway
from engine.errors import PrefectRefused, PrefectUnavailable
from engine.gateway import FlowRunState, FlowRunStory
from executions.models import Attempt, Execution
from model_host.protocol.codec import to_json

AT_ONCE = 100
BUDGET_SECONDS = 3.0
SETTLED = timedelta(seconds=10)
"""The delay after which a run's last state has reached Prefect."""
GIVEN_UP = timedelta(hours=1)
"""The time after our row's end beyond which Prefect will no longer mark the run finished."""
PAGE_SECONDS = 0.7
"""The seconds that a page waits for each response of Prefect."""


@dataclass(frozen=True)
class FlowRunCopy:
    """A flow run for display: its name, its states, and their source: Prefect now, the copy
    ("copied"), or none ("away", "gone")."""

    name: str
    states: tuple[FlowRunState, ...]
    source: str

    @property
    def run_count(self) -> int:
        """The number of times that it entered a running state."""
        return sum(state.type == "RUNNING" for state in self.states)


def copy_flow_runs() -> int:
    """Copy the states of finished attempts' runs from Prefect; returns how many. Stops when the
    time is up, when an execution is queued, and when Prefect is unreachable."""
    ends, copied = time.monotonic() + BUDGET_SECONDS, 0
    due = Attempt.objects.filter(
        states__isnull=True,
        flow_run_id__isnull=False,
        is_forgotten=False,
        finished_at__lt=Now() - Value(SETTLED),
    ).order_by("-finished_at")
    for attempt in due[:AT_ONCE]:
        if time.monotonic() > ends or Execution.objects.queued().exists():
            break
        try:
            copied += _copy(attempt)
        except (PrefectUnavailable, PrefectRefused):
            break
    return copied


def keep_flow_run(execution_id: uuid.UUID, attempt: int, story: FlowRunStory) -> bool:
    """Keep the story of an attempt's flow run, once; False where one is kept already, and for a
    forgotten attempt."""
    states = [replace(one, message=one.message.replace("\0", "")[:500]) for one in story.states]
    kept = Attempt.objects.filter(
        execution_id=execution_id, number=attempt, states__isnull=True, is_forgotten=False
    )
    return bool(kept.update(flow_run_name=story.name[:300], states=to_json(states)))


def flow_run_of(attempt: Attempt) -> FlowRunCopy | None:
    """Return the attempt's flow run: the copy, else from Prefect now. None if it never had one."""
    if attempt.states is not None:
        return FlowRunCopy(attempt.flow_run_name, attempt.read_states(), "copied")
    if attempt.flow_run_id is None:
        return None
    try:
        story = gateway.flow_run_story(attempt.flow_run_id, timeout=PAGE_SECONDS)
    except (PrefectUnavailable, PrefectRefused):
        return FlowRunCopy("", (), "away")
    return FlowRunCopy(story.name, story.states, "now") if story else FlowRunCopy("", (), "gone")


def _copy(attempt: Attempt) -> bool:
    """Copy one attempt's run, and return whether that is done; a run that has not ended is read
    again later."""
    assert attempt.flow_run_id is not None
    assert attempt.finished_at is not None
    story = gateway.flow_run_story(attempt.flow_run_id) or FlowRunStory("", ())
    is_over = not story.states or story.states[-1].is_final
    if not is_over and timezone.now() - attempt.finished_at < GIVEN_UP:
        return False
    return keep_flow_run(attempt.execution_id, attempt.number, story)
