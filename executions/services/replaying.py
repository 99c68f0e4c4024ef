"""Replays: an admin runs a prediction's own inputs again, on its own version, with a trace.

A replay is an execution of its own, which only admins see and no statistic counts. It is kept for
``REPLAY_KEPT`` (`executions/records/purging.py`).
"""

import enum
import uuid

from django.db import transaction

from accounts.models import User
from config.text.plain_text import listed
from executions.errors import NotReplayable
from executions.models import Execution
from executions.records.hiding import no_longer_sensitive
from executions.services.limits import check_replay_rate
from executions.services.requesting import request_execution
from models_registry.inputs.input_schema import CleanedInputs
from models_registry.models import ModelVersion


class Verdict(enum.Enum):
    """The outcome of a replay, compared with the original."""

    RUNNING = "Running"
    SAME_ERROR = "Same error"
    OTHER_ERROR = "Different error"
    SUCCEEDS = "Now succeeds"
    STOPPED = "Canceled"


@transaction.atomic
def replay_execution(
    *, execution: Execution, by: User, form_token: uuid.UUID, version: ModelVersion | None = None
) -> Execution:
    """Run a failed prediction again with debugging: on its own version and file, or on
    ``version``, the live one, where its inputs are still valid, and sensitive if they were.

    Raises NotReplayable, TooManyRequests over three a minute and admin, and what
    ``request_execution`` raises.
    """
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    if Execution.objects.filter(user=by, form_token=form_token).exists():
        return Execution.objects.get(user=by, form_token=form_token)
    own = execution.version
    if execution.inputs is None or execution.deleted_at is not None:
        raise NotReplayable("The person deleted this prediction, so its inputs are withheld.")
    if not execution.is_finished:
        raise NotReplayable("This prediction is not finished yet.")
    if version is None and not execution.is_pinned:
        raise NotReplayable("The draft has been changed since this run, so it cannot be repeated.")
    check_replay_rate(by)
    schema = own.features.as_schema()
    inputs = CleanedInputs(schema.read(execution.inputs), {})
    if version is not None and version.pk != own.pk:
        inputs = version.features.as_schema().clean(execution.inputs)
        if not inputs.is_valid:
            raise NotReplayable(
                f"These inputs do not fit {version.short_name}: {len(inputs.errors)} of them "
                "would need a correction. Nothing has been run."
            )
        if opened := no_longer_sensitive(own, version):
            raise NotReplayable(
                f"{version.short_name} does not mark {listed(opened, 'inputs')} as sensitive, so a "
                "replay on it would show the person’s values. Nothing has been run."
            )
    return request_execution(
        user=by,
        version=version or own,
        inputs=inputs,
        form_token=form_token,
        purpose=Execution.Purpose.REPLAY,
        replay_of=execution,
    )


def verdict_of(replay: Execution, original: Execution) -> Verdict:
    if not replay.is_finished:
        return Verdict.RUNNING
    if replay.status == Execution.Status.CANCELED:
        return Verdict.STOPPED
    if replay.status == Execution.Status.SUCCEEDED:
        return Verdict.SUCCEEDS
    is_same = replay.fingerprint == original.fingerprint
    return Verdict.SAME_ERROR if is_same else Verdict.OTHER_ERROR
