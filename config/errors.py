"""The base class of errors that a person may read, and the page that shows one."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest


class DomainError(Exception):
    """A rule was broken. The message states the rule in the user's words, with the way out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InfrastructureError(Exception):
    """An external service did not answer. Retried or recorded, never shown raw."""


@contextmanager
def refusals_as_messages(request: HttpRequest, before: str = "") -> Iterator[None]:
    """Show a DomainError of the block as a message on the next page, with the words ``before`` it;
    the view goes on after the block."""
    try:
        yield
    except DomainError as error:
        messages.error(request, f"{before} {error.message}".lstrip())
