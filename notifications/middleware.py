"""Middleware that answers polls for news before the rest of the middleware, so that a poll does not
count as a visit."""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.requests import SignedInRequest
from notifications.views import news


class NewsMiddleware:
    """The early answer to a poll. A page that polls every two seconds is not activity of the
    person: it must not count as seen, write to the session's record, or cost more than the queries
    of its answer. So it is answered as soon as the person is known; without a signed-in person the
    request goes on to the sign-in page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.path = reverse("notifications:news")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == self.path and request.user.is_authenticated:
            return news(cast("SignedInRequest", request))
        return self.get_response(request)
