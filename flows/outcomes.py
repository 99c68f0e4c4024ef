"""The outcome of the work on a version's file: one mapping from exceptions to what is recorded."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from django.db import DataError

from executions.errors import ErrorCode
from flows.errors import ArtifactTampered, HandedBack, LeaseLost, NotAModel, storable
from flows.lease import Lease, leases
from model_host.client import ArtifactChanged, PredictionCancelled
from model_host.protocol.errors import HostError
from models_registry.errors import ArtifactMissing

logger = logging.getLogger(__name__)

NOT_STORED = "What came of it could not be stored ({}). Try again."

Result = TypeVar("Result")


class Refused(Exception):
    """Why the work came to nothing: an error class of `executions/errors.py`, a sentence for
    admins, and the traceback. ``told`` is the model host's own error, where it is one."""

    def __init__(
        self,
        sentence: str,
        *,
        code: ErrorCode = "LOAD",
        traceback: str = "",
        told: HostError | None = None,
    ) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code: ErrorCode = code
        self.sentence = sentence
        self.traceback = traceback
        self.told = told

    @property
    def is_of_model(self) -> bool:
        """Whether the model was asked and is to blame, so that asking again changes nothing."""
        return self.told is not None and self.told.is_of_model


@contextmanager
def refusals(not_stored: str = NOT_STORED) -> Iterator[None]:
    """Raise Refused for whatever ends the work of the block but its cancellation. ``not_stored``:
    the sentence where the database takes no such value, with a place for the error's name."""
    try:
        yield
    except (Refused, PredictionCancelled, HandedBack):
        raise
    except Exception as error:
        raise refusal_of(error, not_stored) from None


def refusal_of(error: Exception, not_stored: str = NOT_STORED) -> Refused:
    """Return what is recorded of an exception that ended the work."""
    match error:
        case HostError():
            return Refused(error.message, code=error.code, traceback=error.traceback, told=error)
        case ArtifactTampered():
            sentence = "The file in the store was altered. It was not opened."
        case ArtifactMissing():
            sentence = "The store did not give the file. Try again in a minute."
        case ArtifactChanged() | NotAModel():
            sentence = (
                "This worker's copy of the file was altered and is fetched again. It was not "
                "opened. Try again."
            )
        case DataError():
            logger.error("value_not_stored")  # its message quotes the value
            sentence = not_stored.format(type(error).__name__)
            return Refused(sentence, code="CRASH", traceback=storable(error))
        case _:
            logger.error("worker_broke", exc_info=error)
            sentence = (
                f"The worker itself failed ({type(error).__name__}). Try again; if it ends so "
                "again, report the traceback."
            )
            return Refused(sentence, code="CRASH", traceback=storable(error))
    return Refused(sentence, code="STORAGE", traceback=str(error))


def outcome_of(
    work: Callable[[], Result],
    lease: Lease,
    give_back: Callable[..., bool],
    *,
    not_stored: str = NOT_STORED,
) -> Result | Refused:
    """Return what the work on a row gives, or why there is nothing. Where it ends through no fault
    of the model, the row goes to its next attempt now rather than when the lease ends, by
    ``give_back(why=)``: raises HandedBack then, and LeaseLost where another worker has the row."""
    try:
        with refusals(not_stored):
            return work()
    except Refused as refused:
        if refused.told is None or not refused.told.lost:
            return refused
        why = refused.sentence.rstrip(".")
    except PredictionCancelled:
        if not leases.are_ending:
            raise LeaseLost from None
        why = "The worker was stopped"
    lease.write(partial(give_back, why=why))
    raise HandedBack(f"{why}; the next attempt takes over.")


def record(
    lease: Lease,
    outcome: Result | Refused,
    *writes: Callable[[Result | Refused], bool],
    not_stored: str = NOT_STORED,
) -> Result | Refused:
    """Write the outcome by the first of ``writes``; where the database does not take it, write that
    by the next. Returns the outcome that is written; raises what the last write raises."""
    *tries, last = writes
    for write in tries:
        problem = lease.try_to_write(partial(write, outcome))
        if problem is None:
            return outcome
        sentence = not_stored.format(type(problem).__name__)
        outcome = Refused(sentence, code="CRASH", traceback=storable(problem))
    lease.write(partial(last, outcome))
    return outcome
