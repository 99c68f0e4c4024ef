"""The predictions of the demo's past: who asked a model for what, when, and what came of it.

Nothing is written before `store`, so that what is invented about the predictions can look at all of
them.
"""

import random
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from accounts.models import User
from executions.models import Attempt, Execution
from executions.records.hiding import named_failure
from executions.records.search_text import own_text, text_of_inputs, text_of_result
from executions.services.requesting import inputs_sha256
from model_host.protocol.codec import from_json, to_json
from model_host.protocol.outputs import Outputs
from models_registry.inputs.input_schema import CleanedInputs, InputSchema
from models_registry.models import ModelVersion

INVENTED = "invented for the demo"
SEED = 7
OWN_SHARE = 0.12
"""The share of predictions that are the demo's user's own."""
NOTES = (
    "Asked again after the call: the amount was wrong.",
    "For the meeting on Thursday.",
    "Compare with the one before.",
)

Row = Mapping[str, Any]


@dataclass
class Past:
    """The people of the past, their predictions, and the source of chance."""

    user: User
    admin: User
    people: Sequence[User]
    now: datetime
    chance: random.Random = field(
        default_factory=lambda: random.Random(SEED)  # noqa: S311 - the same past every time
    )
    executions: list[Execution] = field(default_factory=list)

    def days_ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def somebody(self) -> User:
        if self.chance.random() < OWN_SHARE:
            return self.user
        return self.chance.choices(self.people, range(len(self.people), 0, -1))[0]

    def moments(self, count: int, oldest: float, newest: float) -> Iterator[datetime]:
        """Yield times of working hours between two numbers of days ago, fewer at weekends."""
        found = 0
        while found < count:
            at = self.days_ago(self.chance.uniform(newest, oldest))
            hour = self.chance.triangular(7, 19, 11)
            at = at.replace(hour=int(hour), minute=int(hour % 1 * 60))
            is_within = self.days_ago(oldest) < at < self.days_ago(newest)
            if is_within and (at.weekday() < 5 or self.chance.random() < 0.25):
                found += 1
                yield at


def add_predictions(
    past: Past, version: ModelVersion, rows: Sequence[Row], oldest: float, newest: float
) -> None:
    """Add what a version was asked in a stretch of days: an answer or an error for each row."""
    for row, at in zip(rows, past.moments(len(rows), oldest, newest), strict=True):
        execution = _execution(past, version, row["inputs"], at)
        if execution is None:
            continue
        if error := row.get("error"):
            _end_in(execution, error["code"], error["message"], error)
        else:
            outputs = from_json(Outputs, row["outputs"])
            execution.outputs = to_json(outputs)
            execution.warnings = [*execution.warnings, *outputs.warnings]
            execution.search_text += text_of_result(outputs, list(version.targets.all()))
            execution.status = Execution.Status.SUCCEEDED
        if execution.user == past.user and past.chance.random() < 0.15:
            execution.note = past.chance.choice(NOTES)
            execution.search_own += f"{execution.note.casefold()}\n"


def add_failures(
    past: Past, version: ModelVersion, rows: Sequence[Row], code: str, days: Iterable[float]
) -> list[Execution]:
    """Add failures that no model makes: a stopped or a lost run, so many days ago."""
    messages = {
        "TIMEOUT": "The model took longer than 10 seconds and was stopped.",
        "CRASH": "The worker was lost on all 3 attempts.",
    }
    failed = []
    for row, ago in zip(rows, days, strict=False):
        execution = _execution(past, version, row["inputs"], past.days_ago(ago))
        if execution is not None:
            _end_in(execution, code, messages[code], {})
            if code == "TIMEOUT":
                execution.finished_at = execution.requested_at + timedelta(seconds=10.1)
            failed.append(execution)
    failed[-1].user = past.user
    return failed


def store(past: Past) -> None:
    """Write the predictions with their attempts, in the order in which they were requested."""
    past.executions.sort(key=lambda one: one.requested_at)
    Execution.objects.bulk_create(past.executions)
    Attempt.objects.bulk_create(
        Attempt(
            execution=one,
            number=1,
            worker=INVENTED,
            started_at=one.started_at,
            finished_at=one.finished_at,
            outcome=Attempt.Outcome.SUCCEEDED if one.outputs else Attempt.Outcome.FAILED,
            log="This prediction was invented for the demo: no flow run belongs to it.",
            states=[],
        )
        for one in past.executions
    )


def _execution(
    past: Past, version: ModelVersion, inputs: Mapping[str, Any], at: datetime
) -> Execution | None:
    """Add one prediction of somebody's, without its end; None for inputs that the form refuses."""
    schema: InputSchema = version.features.as_schema()
    cleaned: CleanedInputs = schema.clean(inputs)
    if not cleaned.is_valid:
        return None
    waited = timedelta(milliseconds=past.chance.lognormvariate(3.9, 0.4))
    ran = timedelta(milliseconds=past.chance.lognormvariate(4.7, 0.5))
    if past.chance.random() < 0.01:
        ran *= 40
    execution = Execution(
        user=past.somebody(),
        version=version,
        version_sha256=version.sha256,
        version_revision=version.revision,
        attempt=1,
        inputs=cleaned.values,
        inputs_sha256=inputs_sha256(cleaned),
        search_text=text_of_inputs(schema, cleaned.values),
        search_own=own_text(schema, cleaned.values, ""),
        warnings=list(cleaned.warnings),
        form_token=uuid.uuid4(),
        requested_at=at,
        started_at=at + waited,
        finished_at=at + waited + ran,
        dispatch_after=at,
        deadline=at + timedelta(minutes=15),
    )
    past.executions.append(execution)
    return execution


def _end_in(execution: Execution, code: str, message: str, error: Mapping[str, str]) -> None:
    feature = execution.version.features.filter(name=error.get("input", "")).first()
    execution.status = Execution.Status.FAILED
    execution.error_code = code
    execution.message = f"{feature.label}: {message}" if feature else message
    execution.traceback = error.get("traceback", "")
    named = named_failure(
        execution, code=code, message=execution.message, traceback=execution.traceback,
        step=error.get("step", ""),
    )  # fmt: skip
    for column, value in named.items():
        setattr(execution, column, value)
    execution.grouped_at = execution.finished_at
