"""Exceptions that end a flow run that does not complete. Prefect shows their text, so none quotes a
value or the model's own words."""

import traceback

from config.errors import InfrastructureError


class ArtifactTampered(InfrastructureError):
    """The store returned another file than the uploaded one. It was not opened."""


class NotAModel(Exception):
    """The first bytes are not those of a model file; the message says what the file is
    ("is a Parquet table. ...") and what to upload in its place."""


class FlowFailed(Exception):
    """The run is complete, and its outcome is a failure that is written in our row."""


def storable(error: Exception) -> str:
    """Return the traceback of an error as storable text, without NUL."""
    told = "".join(traceback.format_exception(error))[-20_000:]
    return told.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


class PredictionFailed(FlowFailed):
    """The model gave no result. Carries the error class and the execution's ID."""

    def __init__(self, code: str, public_id: str) -> None:
        super().__init__(f"{code} ({public_id})")


class InspectionFailed(FlowFailed):
    """The file cannot be used. Carries the step that failed."""

    def __init__(self, step: str) -> None:
        super().__init__(f"Refused at: {step}")


class RehearsalFailed(FlowFailed):
    """The version could not be tried. Carries the kind of the rehearsal."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"Refused: {kind}")


class ParametersDiffer(FlowFailed):
    """The run's parameters are not those of the row; nothing was run and nothing written."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"Other values than requested: {', '.join(names)}")


class NotQueued(Exception):
    """The row is not queued for this attempt: another run holds it, or it has ended."""

    def __init__(self) -> None:
        super().__init__("The row is not queued for this attempt.")


class LeaseLost(Exception):
    """This process no longer holds the row, so it stopped the model and wrote nothing."""

    def __init__(self) -> None:
        super().__init__("The lease was lost; another attempt takes over.")


class HandedBack(Exception):
    """The attempt ended through no fault of the model; the row was returned to the queue for its
    next attempt."""
