"""Errors of saving a preset; each message may be shown to a person."""

from config.errors import DomainError


class TooManyPresets(DomainError):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have {limit} presets for this model, and that is the limit. "
            "Delete one that you no longer need."
        )


class NameTaken(DomainError):
    def __init__(self, name: str) -> None:
        super().__init__(f"You have a preset called “{name}” for this model.")
        self.name = name


class NothingToSave(DomainError):
    message = "A preset needs at least one value."
