"""Errors that stop the stack."""


class StackError(Exception):
    """The stack cannot go on; the message is one sentence for the person at the terminal."""


class NotHealthyError(Exception):
    """A part is not healthy yet; the message says what it answered."""
