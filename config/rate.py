"""The answer to whoever asks too often: 429 with the time to wait, for people and for programs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

WINDOW_SECONDS = 60
"""Each limit of allauth that is answered so (ACCOUNT_RATE_LIMITS) counts a minute; which of them it
was is not told."""


def too_many_requests(request: HttpRequest, seconds: int = WINDOW_SECONDS) -> HttpResponse:
    """The page that says in how many seconds the next request is taken; also Django's handler429,
    which allauth calls."""
    answer = render(request, "429.html", {"wait_seconds": seconds}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer
