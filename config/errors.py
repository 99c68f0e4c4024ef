"""The one family of errors that a person may read."""


class DomainError(Exception):
    """A rule was broken. The message says which, in the user's words, with the way out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InfrastructureError(Exception):
    """Something outside did not answer. Retried or recorded, never shown raw."""
