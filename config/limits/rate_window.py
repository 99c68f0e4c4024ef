"""Rate limits: the seconds until the next request is allowed, and the page that says so."""

import math
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

WINDOW_SECONDS = 60
"""Each limit of allauth that is answered with this page (ACCOUNT_RATE_LIMITS) counts a minute;
allauth does not tell which one it was."""


def seconds_to_wait(
    taken: QuerySet[Any], at: str, *, limit: int, window: timedelta = timedelta(minutes=1)
) -> int:
    """Return in how many seconds the next request is taken, where ``limit`` of them are allowed
    within any ``window``; 0 if it may be taken now.

    ``taken`` are the rows of the requests of one person, ``at`` is the column with their times.
    """
    recent = (
        taken.filter(**{f"{at}__gt": Now() - Value(window)})
        .order_by(f"-{at}")
        .values_list(at, flat=True)[limit - 1 : limit]
    )
    for oldest in recent:
        wait: timedelta = oldest + window - timezone.now()
        return max(1, math.ceil(wait.total_seconds()))
    return 0


def too_many_requests(request: HttpRequest, seconds: int = WINDOW_SECONDS) -> HttpResponse:
    """Show the page that says in how many seconds the next request is allowed; also Django's
    handler429, which allauth calls."""
    answer = render(request, "429.html", {"wait_seconds": seconds}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer
