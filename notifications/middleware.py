"""Middleware that answers polls for news before the rest of the middleware, so that a poll does not
count as a visit."""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.requests import SignedInRequest
from notifications.views import news


class NewsMiddleware:
    """A page that asks every two seconds is nobody who acts: it must not count as seen, write to
    the session's record, or cost more than the queries of its answer. So the answer is given right
    after the person is known; who is not signed in goes the ordinary way, to the sign-in page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.path = reverse("notifications:news")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == self.path and request.user.is_authenticated:
            return news(cast("SignedInRequest", request))
        return self.get_response(request)
