"""The rules about executions, and the sentence that each error class shows to a person."""

from typing import Literal

from config.errors import DomainError
from config.text.numbers import count_text
from model_host.protocol.errors import ErrorCode as HostErrorCode

ErrorCode = Literal[HostErrorCode, "STORAGE", "EXPIRED"]
"""The error classes of the model host, and those of what happens around it."""

ERROR_LABELS: dict[str, str] = {
    "INPUT": "Rejected by the model's own checks",
    "MODEL": "Exception in predict",
    "LOAD": "The file cannot be loaded, or is refused",
    "STORAGE": "The file is missing or was altered",
    "TIMEOUT": "Over the model's run limit",
    "MEMORY": "Over the memory limit",
    "EXPIRED": "Not started within the queue deadline",
    "CRASH": "The model's process died, or a worker was lost",
}


class TooManyRequests(DomainError):
    """The person's rate is exceeded; carries the seconds after which the next request is
    allowed."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Those were too many predictions at once. Try again in {seconds} s.")
        self.seconds = seconds


class QueueFull(DomainError):
    seconds = 60
    message = "The system is busy. Nothing has been run. Try again in a minute."


class TooManyBatches(DomainError):
    """The person has as many batches that wait or run as are allowed."""

    seconds = 60

    def __init__(self, most: int) -> None:
        count = "One batch" if most == 1 else f"{count_text(most)} batches"
        verb = "is" if most == 1 else "are"
        super().__init__(
            f"{count} of yours {verb} still waiting or running. Nothing has been accepted. Wait "
            "until one is finished, or cancel one."
        )


class TooManyBatchRows(DomainError):
    def __init__(self, most: int) -> None:
        super().__init__(
            f"These are more than {count_text(most)} rows. Nothing has been accepted. Send them in "
            "several parts."
        )


class NoRows(DomainError):
    message = "There is no row to predict. Nothing has been accepted."


class OtherContent(DomainError):
    message = (
        "This idempotency key came before with other content. Nothing has been accepted. Send new "
        "content with a new key."
    )


class NoActiveVersion(DomainError):
    message = "There is no active version of this model right now."


class NotAnAdmin(DomainError):
    message = "Only administrators can test or replay a version."


class AlreadyFinished(DomainError):
    message = "This prediction is already finished."


class NotRetryable(DomainError):
    message = "Only a failed or canceled prediction can be tried again."


class NotReplayable(DomainError):
    """The execution cannot be replayed; the message says why."""


class TooManyRows(DomainError):
    def __init__(self, limit: int) -> None:
        super().__init__(f"These are more than {count_text(limit)} predictions. Choose fewer days.")


class NotATest(DomainError):
    message = "Only a test that succeeded can be saved as a case."


_SENTENCES: dict[str, str] = {
    "INPUT": "The model could not use one of the values: {message}",
    "MODEL": "The model failed on these inputs. The administrators have been told.",
    "LOAD": "The model could not be loaded. Nothing is wrong with your inputs.",
    "STORAGE": "The model could not be loaded. Nothing is wrong with your inputs.",
    "TIMEOUT": "{message}",
    "MEMORY": "The model needed too much memory and was stopped.",
    "EXPIRED": "The system was busy; your prediction was not started.",
    "CRASH": "The prediction was interrupted.",
}


OF_VALUES = frozenset({"INPUT", "MODEL", "MEMORY"})
"""The error classes that come back with the same values, so that other values are the way out."""
NO_RUNTIME = "No worker had scikit-learn {minor}, which this model needs."
"""The message of EXPIRED where the queue was not the cause."""


def user_sentence(code: str, message: str) -> str:
    """Return the sentence that a person reads about an error class. INPUT and TIMEOUT quote the
    worker's own sentence, which is written for people, and EXPIRED says which runtime was missing;
    every other message is for admins only."""
    if code == "EXPIRED" and message.startswith(NO_RUNTIME.partition("{")[0]):
        return f"{message} Your prediction was not started."
    return _SENTENCES[code].format(message=message) if code else ""
