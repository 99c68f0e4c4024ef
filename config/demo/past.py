"""The demo's past: thirty days of predictions by invented people, so that every list, chart and
failure page shows what it is for at the first look.

The answers are the models' own to rows drawn from their data (`config/demo/train.py`); who asked,
when, and how long it took is invented. Every row of it is marked: its attempt's worker is INVENTED,
its people's addresses end in DOMAIN, and a line at the foot of every page says it.
"""

import random
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from executions.models import Attempt, Execution
from executions.records.hiding import named_failure
from executions.records.search_text import own_text, text_of_inputs, text_of_result
from executions.services.requesting import inputs_sha256
from model_host.protocol.codec import from_json, to_json
from model_host.protocol.outputs import Outputs
from models_registry.inputs.input_schema import CleanedInputs, InputSchema
from models_registry.models import Deployment, ModelVersion, RegisteredModel
from models_registry.promotion.announcement import announce
from monitoring.dashboard import rollup
from monitoring.models import (
    Category,
    FailureGroup,
    FailureNote,
    ReviewedFailure,
    State,
    SupportMessage,
    SupportRequest,
)
from notifications.models import Channel, Kind, Notification, Preference
from presets.models import Preset

INVENTED = "invented for the demo"
DOMAIN = "@people.invalid"
DAYS = 29
"""With the day of the first start the thirty that the pages show at first."""
SECOND_FROM, SECOND_TO = 12, 9
"""How many days ago the loans' second version went live, and was rolled back."""
SEED = 7
PEOPLE = (
    "Nora Lind", "Mateo Ruiz", "Aino Virtanen", "Samir Haddad", "Grace Okafor", "Jonas Weber",
    "Lucia Moretti",
)  # fmt: skip
OWN_SHARE = 0.12
"""The share of predictions that are the demo's user's own."""
NOTES = (
    "Asked again after the call: the amount was wrong.",
    "For the meeting on Thursday.",
    "Compare with the one before.",
)
STANDING = (
    "executions_execution", "models_registry_deployment", "monitoring_failurenote",
)  # fmt: skip
"""Tables whose triggers keep a record as it was written."""
REMEMBERED_SECONDS = 60.0

_seen: dict[str, Any] = {}

Row = Mapping[str, Any]


@dataclass
class Past:
    """Rows that are being invented, and the source of chance."""

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


def write(rows: Mapping[str, Sequence[Row]], versions: Mapping[str, ModelVersion]) -> int:
    """Write the past; returns how many predictions it has. ``rows`` are what each model was asked
    and answered, ``versions`` are published but for the second of the loans, which is a tested
    draft. All or nothing; a past that is there is left as it is."""
    if is_there():
        return 0
    with transaction.atomic(), standing_aside():
        past = Past(
            user=User.objects.get(email="user@example.com"),
            admin=User.objects.get(email="admin@example.com"),
            people=[_person(name) for name in PEOPLE],
            now=timezone.now(),
        )
        User.objects.filter(email__endswith=DOMAIN).update(joined_at=past.days_ago(DAYS))
        _deploy(past, versions)
        first_loans = len(rows["loans"]) * (DAYS - SECOND_FROM) // (DAYS - SECOND_TO + SECOND_FROM)
        _predict(past, versions["iris"], rows["iris"], DAYS, 0)
        _predict(past, versions["diabetes"], rows["diabetes"], DAYS, 0)
        _predict(past, versions["loans"], rows["loans"][:first_loans], DAYS, SECOND_FROM)
        _predict(past, versions["loans_2"], rows["loans_2"], SECOND_FROM, SECOND_TO)
        _predict(past, versions["loans"], rows["loans"][first_loans:], SECOND_TO, 0)
        slow = _fail(past, versions["iris"], rows["iris"], "TIMEOUT", (20.3, 20.2, 20.1, 4.1))
        lost = _fail(past, versions["diabetes"], rows["diabetes"], "CRASH", (1.9, 0.8))
        _store(past)
        _groups(past, versions, slow, lost)
        _presets(past, versions)
    rollup.recount()
    return len(past.executions)


def remove() -> int:
    """Remove the past with its people; returns how many predictions went. The models and the record
    of their versions stay."""
    with transaction.atomic(), standing_aside():
        invented = Execution.objects.filter(attempts__worker=INVENTED).distinct()
        ids = list(invented.values_list("pk", flat=True))
        groups = FailureGroup.objects.filter(
            fingerprint__in=invented.filter(status="failed").values("fingerprint")
        )
        kept = Execution.objects.failures().exclude(pk__in=ids)
        groups = groups.exclude(fingerprint__in=kept.values("fingerprint"))
        ReviewedFailure.objects.filter(execution__in=ids).delete()
        SupportMessage.objects.filter(request__execution__in=ids).delete()
        SupportRequest.objects.filter(execution__in=ids).delete()
        FailureNote.objects.filter(Q(group__in=groups) | Q(execution__in=ids)).delete()
        groups.delete()
        Execution.objects.filter(pk__in=ids).delete()
        Preset.objects.filter(saved_with=INVENTED).delete()
        User.objects.filter(email__endswith=DOMAIN).delete()
    rollup.recount()
    return len(ids)


def is_there() -> bool:
    """Return whether the past is in the database."""
    found: bool = User.objects.filter(email__endswith=DOMAIN).exists()
    return found


def is_said() -> bool:
    """Return whether pages say that there is an invented past; asks once a minute. While the
    database is away, the page that says so says nothing else."""
    if not settings.IS_DEMO:
        return False
    if time.monotonic() > _seen.get("until", 0.0):
        try:
            _seen.update(until=time.monotonic() + REMEMBERED_SECONDS, is_there=is_there())
        except DatabaseError:
            return False
    return bool(_seen["is_there"])


@contextmanager
def standing_aside() -> Iterator[None]:
    """Switch off, inside a transaction, the triggers that keep records as they were written: the
    past is written at times that are over. For the embedded demo's own database alone."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # none may wait while a table is altered
        for table in STANDING:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in STANDING:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _person(name: str) -> User:
    """Create somebody who cannot sign in and gets no mail."""
    email = name.lower().replace(" ", ".") + DOMAIN
    person = User.objects.create_user(email, None, name=f"{name} (invented)")
    Preference.objects.bulk_create(
        Preference(user=person, kind=kind, channel=Channel.EMAIL) for kind in Kind
    )
    return person


def _deploy(past: Past, versions: Mapping[str, ModelVersion]) -> None:
    """Let the first versions be live for thirty days, and the loans' second one for three."""
    for name in ("iris", "diabetes", "loans"):
        version, since = versions[name], past.days_ago(DAYS)
        RegisteredModel.objects.filter(pk=version.model_id).update(created_at=since)
        Deployment.objects.filter(version=version).update(started_at=since)
        ModelVersion.objects.filter(pk=version.pk).update(uploaded_at=since, activated_at=since)
    first, second = versions["loans"], versions["loans_2"]
    began, ended = past.days_ago(SECOND_FROM), past.days_ago(SECOND_TO)
    Deployment.objects.filter(version=first, ended_at=None).update(ended_at=began)
    common = {"model": first.model, "by": past.admin}
    promotion = Deployment.objects.create(
        **common, version=second, previous_version=first, started_at=began, ended_at=ended,
        action=Deployment.Action.PROMOTION, text="Counts the income on a logarithmic scale.",
    )  # fmt: skip
    rollback = Deployment.objects.create(
        **common, version=first, previous_version=second, started_at=ended,
        action=Deployment.Action.ROLLBACK,
        text="v2 fails for applicants without an income. v1 is back until that is mended.",
    )  # fmt: skip
    ModelVersion.objects.filter(pk=second.pk).update(
        status=ModelVersion.Status.ARCHIVED, uploaded_at=began, activated_at=began
    )
    ModelVersion.objects.filter(pk=first.pk).update(activated_at=ended)
    announce(promotion)
    announce(rollback)
    for deployment in Deployment.objects.filter(version__in=versions.values()):
        _tell_then(deployment, is_read=deployment != rollback)


def _tell_then(deployment: Deployment, *, is_read: bool) -> None:
    """Let people have been told of a deployment when it was made, by no mail that is still due."""
    at = deployment.started_at
    for told in Notification.objects.filter(cause=f"deployment {deployment.pk}"):
        told.created_at = at
        told.mail_due_at = told.mail_due_at if told.mailed_at else None
        told.read_at = told.dismissed_at = at if is_read else None
        if "deployed_at" in told.context:
            told.context["deployed_at"] = to_json(at)
        told.save()


def _predict(
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


def _fail(
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


def _store(past: Past) -> None:
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


def _groups(
    past: Past,
    versions: Mapping[str, ModelVersion],
    slow: Sequence[Execution],
    lost: Sequence[Execution],
) -> None:
    """Group the failures: one group is resolved, one came back after that, one is new, with a
    question of the demo's user that nobody has answered."""
    broke = [one for one in past.executions if one.version_id == versions["loans_2"].pk]
    broke = [one for one in broke if one.status == Execution.Status.FAILED]
    resolved = _group(broke, State.RESOLVED, versions["loans"])
    _note(resolved, broke[-1].finished_at, by=past.admin, text="Only applicants without income.")
    _note(
        resolved, past.days_ago(SECOND_TO), by=past.admin, state=State.RESOLVED,
        version=versions["loans"], text="v1 is live again. The next version needs a minimum.",
    )  # fmt: skip
    back = _group(slow, State.REGRESSED, versions["iris"])
    _note(
        back, past.days_ago(19), by=past.admin, state=State.RESOLVED, version=versions["iris"],
        text="The backup ran at the same time. It now runs at night.",
    )  # fmt: skip
    _note(
        back, slow[-1].finished_at, state=State.REGRESSED, version=versions["iris"],
        reason=f"Failed again on {versions['iris'].short_name}", execution=slow[-1],
    )  # fmt: skip
    _group(lost, State.NEW)
    asked_at = (lost[-1].finished_at or past.now) + timedelta(minutes=5)
    request = SupportRequest.objects.create(
        execution=lost[-1], user=past.user, created_at=asked_at, updated_at=asked_at
    )
    SupportMessage.objects.create(
        request=request, by=past.user, at=asked_at,
        text="This patient's values look ordinary to me. Shall I wait, or try again?",
    )  # fmt: skip


def _group(
    failures: Sequence[Execution], state: State, resolved_in: ModelVersion | None = None
) -> FailureGroup:
    first, last = failures[0], failures[-1]
    assert first.finished_at is not None
    assert last.finished_at is not None
    group = FailureGroup.objects.create(
        fingerprint=first.fingerprint,
        model=first.version.model,
        error_code=first.error_code,
        exception=first.exception,
        title=first.failure_title,
        step=first.failing_step,
        count=len(failures),
        first_seen_at=first.finished_at,
        last_seen_at=last.finished_at,
        state=state,
        state_at=last.finished_at,
        category=Category.MODEL if state == State.RESOLVED else "",
        resolved_in=resolved_in,
    )
    _note(group, first.finished_at, state=State.NEW, reason="First seen")
    return group


def _note(group: FailureGroup, at: datetime | None, **entry: Any) -> None:
    FailureNote.objects.create(group=group, **({"at": at} if at else {}), **entry)


def _presets(past: Past, versions: Mapping[str, ModelVersion]) -> None:
    """Keep some values of the demo's user under names."""
    names = {
        "iris": ("A large versicolor",),
        "diabetes": ("Reference patient",),
        "loans": ("Typical car loan", "First home"),
    }
    for model, titles in names.items():
        version = versions[model]
        own = [one for one in past.executions if one.version_id == version.pk]
        for title, execution in zip(titles, own, strict=False):
            Preset.objects.create(
                user=past.user,
                model=version.model,
                name=title,
                inputs=execution.inputs,
                saved_with=INVENTED,
            )
