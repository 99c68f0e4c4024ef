"""The models that a person may not see: what is about them is neither shown, counted nor mailed.

The app that keeps models registers the query when it is ready, as with `notifications/details.py`.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from accounts.models import User

Source = Callable[[User], QuerySet[Any]]

_sources: list[Source] = []


def register(source: Source) -> None:
    """Register ``source``, which returns the models that are hidden from a person."""
    _sources[:] = [source]


def hidden_from(user: User) -> QuerySet[Any]:
    """Return the models that are hidden from a person."""
    (source,) = _sources
    return source(user)
