"""The demo's past: thirty days of predictions by invented people, so that every list, chart and
failure page shows what it is for at the first look.

The answers are the models' own to rows drawn from their data (`config/demo/train.py`); who asked,
when, and how long it took is invented. Every row of it is marked: its attempt's worker is INVENTED,
its people's addresses end in DOMAIN, and a line at the foot of every page says it.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from config.demo.predictions import INVENTED, Past, Row, add_failures, add_predictions, store
from executions.models import Execution
from model_host.protocol.codec import to_json
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

DOMAIN = "@people.invalid"
DAYS = 29
"""With the day of the first start the thirty that the pages show at first."""
SECOND_FROM, SECOND_TO = 12, 9
"""How many days ago the loans' second version went live, and was rolled back."""
PEOPLE = (
    "Nora Lind", "Mateo Ruiz", "Aino Virtanen", "Samir Haddad", "Grace Okafor", "Jonas Weber",
    "Lucia Moretti",
)  # fmt: skip
STANDING = (
    "executions_execution", "models_registry_deployment", "monitoring_failurenote",
)  # fmt: skip
"""Tables whose triggers keep a record as it was written."""
REMEMBERED_SECONDS = 60.0

_seen: dict[str, Any] = {}


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
        add_predictions(past, versions["iris"], rows["iris"], DAYS, 0)
        add_predictions(past, versions["diabetes"], rows["diabetes"], DAYS, 0)
        add_predictions(past, versions["loans"], rows["loans"][:first_loans], DAYS, SECOND_FROM)
        add_predictions(past, versions["loans_2"], rows["loans_2"], SECOND_FROM, SECOND_TO)
        add_predictions(past, versions["loans"], rows["loans"][first_loans:], SECOND_TO, 0)
        slow = add_failures(
            past, versions["iris"], rows["iris"], "TIMEOUT", (20.3, 20.2, 20.1, 4.1)
        )
        lost = add_failures(past, versions["diabetes"], rows["diabetes"], "CRASH", (1.9, 0.8))
        store(past)
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
