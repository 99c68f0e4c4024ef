"""The road of programs' rows: from a model's name and raw values to an execution, and its end.

The API and the dialects call these functions; each raises Refused, which says what to answer.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import ApiToken
from config.errors import DomainError
from engine.wakeup import end_of
from executions.api.problems import MOST_ERRORS, Fault, Refused, no_model, refused_by
from executions.batches.checking import Problem, RowCheck, SourceRow
from executions.batches.contents import BatchRow
from executions.errors import OtherContent
from executions.models import Batch, Execution
from executions.services import request_execution
from executions.services.batches import submit_batch, token_of_key
from executions.services.cases import run_cases
from executions.services.requesting import inputs_sha256
from models_registry.inputs.feature_spec import MAX_NAME
from models_registry.inputs.input_schema import CleanedInputs, InputSchema
from models_registry.models import ModelVersion
from models_registry.services import check_runnable
from models_registry.views import live_version

FIRST_LOOK, SLOWEST_LOOK, GROWTH = 0.1, 0.25, 1.3
"""The seconds between two looks at an execution whose end was not heard of."""
MOST_WAITING, OF_ONE_ACCOUNT = 14, 12
"""The requests that wait at a time in one process, which has 16 threads for programs: some are left
for requests that do not wait, such as those that ask whether the site is ready."""
BRIEFLY = 0.25
"""The seconds that a further request waits at most."""


def live_for(token: ApiToken, slug: str) -> ModelVersion:
    """Return the live version of a model that the token is for. Refuses every other name alike."""
    version = live_version(slug, token.user) if token.allows(slug) else None
    if version is None:
        raise no_model()
    return version


def ask_one(
    token: ApiToken, version: ModelVersion, inputs: Mapping[str, Any], key: str | None = None
) -> Execution:
    """Request one prediction, as the form does. The same ``key`` with the same inputs is the same
    prediction, whichever version is live by then."""
    form_token, earlier = _earlier(token, version, key, Execution.Purpose.PREDICTION)
    cleaned = _cleaned(earlier.version if earlier else version, inputs)
    if earlier is not None:
        if earlier.inputs_sha256 != inputs_sha256(cleaned):
            raise refused_by(OtherContent())
        return earlier
    try:
        return request_execution(
            user=token.user,
            version=version,
            inputs=cleaned,
            form_token=form_token,
            by_program=True,
        )
    except DomainError as error:
        raise refused_by(error) from None


def ask_test(token: ApiToken, version: ModelVersion, inputs: Mapping[str, Any]) -> Execution:
    """Request a test of any version that can run, as the admin's page does, and run its saved cases
    with it."""
    try:
        check_runnable(version)  # reports incomplete inputs before values that do not fit
        cleaned = _cleaned(version, inputs)
        with transaction.atomic():
            execution = request_execution(
                user=token.user,
                version=version,
                inputs=cleaned,
                form_token=uuid.uuid4(),
                purpose=Execution.Purpose.TEST,
                by_program=True,
            )
            run_cases(version=version, form_token=execution.form_token, by=token.user)
    except DomainError as error:
        raise refused_by(error) from None
    return execution


def ask_many(
    token: ApiToken,
    version: ModelVersion,
    rows: Sequence[Mapping[str, Any]],
    key: str | None = None,
) -> Execution:
    """Request up to API_MAX_ROWS rows as one batch, all or none. The same ``key`` with the same
    rows is the same batch."""
    most = settings.API_MAX_ROWS
    if len(rows) > most:
        detail = f"One request has at most {most:,} rows. Send them in several, or as a file."
        raise Refused(413, detail, [Fault(detail, pointer="/inputs")])
    form_token, earlier = _earlier(token, version, key, Execution.Purpose.BATCH)
    version = earlier.version if earlier else version
    schema = version.features.as_schema()
    sources = (SourceRow(row, number=place + 1) for place, row in enumerate(rows))
    checked = list(RowCheck(schema, decimal_mark=".").of(sources))
    bad = [(place, one) for place, one in enumerate(checked) if isinstance(one, Problem)]
    if bad:
        faults = [
            fault
            for place, one in bad[:MOST_ERRORS]
            for fault in _faults(one.cleaned, schema, f"/inputs/{place}")
        ]
        of_all = f"{len(bad):,} of {len(rows):,} rows cannot be used. No row was run."
        raise Refused(422, of_all, faults)
    try:
        return submit_batch(
            user=token.user,
            version=version,
            rows=[one for one in checked if isinstance(one, BatchRow)],
            source=Batch.Source.API,
            token=form_token,
        )
    except DomainError as error:
        raise refused_by(error) from None


def waited(execution: Execution, seconds: float) -> Execution:
    """Wait at most so long for the execution to finish, and return it as it is then."""
    with end_of(execution.pk) as heard:
        runs = Execution.objects.filter(pk=execution.pk)
        wait_for_all(runs, seconds, account=execution.user_id, pause_for=heard)
    execution.refresh_from_db()
    return execution


def wait_for_all(
    runs: QuerySet[Any],
    seconds: float,
    *,
    account: int | None,
    pause_for: Callable[[float], object] | None = None,
) -> bool:
    """Wait at most so long until all of the runs are finished, only briefly where too many wait
    already, and return whether they are. A thread that waits holds no connection to the database;
    ``pause_for`` is how it waits between two looks."""
    is_open = runs.filter(finished_at=None)
    with _waiting.place_of(account) as has_place:
        until = time.monotonic() + (seconds if has_place else min(seconds, BRIEFLY))
        pause = FIRST_LOOK
        while (now := time.monotonic()) < until:
            if not connection.in_atomic_block:
                connection.close()
            (pause_for or time.sleep)(min(pause, until - now))
            pause = min(pause * GROWTH, SLOWEST_LOOK)
            if not is_open.exists():
                return True
    return not is_open.exists()


class Waiting:
    """The requests that wait in this process, by account."""

    def __init__(self) -> None:
        self._counts: Counter[int | None] = Counter()
        self._lock = Lock()

    @contextmanager
    def place_of(self, account: int | None) -> Iterator[bool]:
        """Say for a block whether the account has a place to wait."""
        with self._lock:
            is_free = self._counts.total() < MOST_WAITING
            has_place = is_free and self._counts[account] < OF_ONE_ACCOUNT
            self._counts[account] += has_place
        try:
            yield has_place
        finally:
            with self._lock:
                self._counts[account] -= has_place
                self._counts += Counter()  # forget who has none


_waiting = Waiting()


def _earlier(
    token: ApiToken, version: ModelVersion, key: str | None, purpose: Execution.Purpose
) -> tuple[uuid.UUID, Execution | None]:
    """The token that stands for the key, and the execution that came with it before."""
    if key is None:
        return uuid.uuid4(), None
    form_token = token_of_key(key)
    own = Execution.objects.filter(user=token.user, form_token=form_token)
    earlier = own.select_related("version__model").first()
    if earlier and (earlier.purpose, earlier.version.model_id) != (purpose, version.model_id):
        raise refused_by(OtherContent())
    return form_token, earlier


def _cleaned(version: ModelVersion, inputs: Mapping[str, Any]) -> CleanedInputs:
    """The inputs, checked. Refuses those that are not valid."""
    schema = version.features.as_schema()
    cleaned = RowCheck(schema, decimal_mark=".").clean(inputs)
    if not cleaned.is_valid:
        faults = list(_faults(cleaned, schema, "/inputs"))
        raise Refused(422, f"{_problems(len(faults))}. Nothing was run.", faults)
    return cleaned


def _faults(cleaned: CleanedInputs, schema: InputSchema, place: str) -> Iterator[Fault]:
    """The errors of one row, without its values: what was sent is never repeated."""
    known = schema.by_name
    for name, error in cleaned.errors.items():
        feature = known.get(name)
        if feature is None and len(name) > MAX_NAME:
            yield Fault("The model has no input of one of the names.", pointer=place)
            continue
        pointer = f"{place}/{name.replace('~', '~0').replace('/', '~1')}"
        is_shown = feature is not None and not feature.is_sensitive and error.suggestions
        suggestion = error.suggestions[0] if is_shown else None
        yield Fault(error.without_value, pointer=pointer, suggestion=suggestion)


def _problems(count: int) -> str:
    return "One input cannot be used" if count == 1 else f"{count} inputs cannot be used"
