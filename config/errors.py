"""The base class of errors that a person may read, and the page that shows one."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest


class DomainError(Exception):
    """A rule was broken. The message, the class's own or the given one, states the rule in the
    user's words, with the way out."""

    message = ""

    def __init__(self, message: str = "") -> None:
        self.message = message or self.message
        super().__init__(self.message)


class InfrastructureError(Exception):
    """An external service did not answer. Retried or recorded, never shown raw."""


class Refusals(AbstractContextManager[None, bool]):
    """A block that ends at a DomainError, whose message it passes to ``tell``; the view goes on
    after the block."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self.tell = tell

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, DomainError):
            self.tell(error.message)
        return isinstance(error, DomainError)


def refusals_as_messages(request: HttpRequest, before: str = "") -> Refusals:
    """Show a refusal as a message on the next page, with the words ``before`` it."""
    return Refusals(lambda message: messages.error(request, f"{before} {message}".lstrip()))


def refusals_in(form: BaseForm, field: str | None = None) -> Refusals:
    """Show a refusal as an error of the form, or of one of its fields."""
    return Refusals(lambda message: form.add_error(field, message))
