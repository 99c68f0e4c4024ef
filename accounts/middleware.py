"""Middleware for every page of a person: who they are, client address, last-seen times, timezone
and number format, no stored copies, and a second factor for the admin where the site asks it."""

from collections.abc import Callable
from datetime import timedelta

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.functional import SimpleLazyObject

from accounts.activity import acting_from
from accounts.models import User
from accounts.requests import client_address
from accounts.sign_in.second_factor import lacks_second_factor
from accounts.sign_in.sessions import person_of
from config.text.numbers import written_with

SEEN_EVERY = timedelta(minutes=5)
SESSION_SEEN_EVERY = timedelta(minutes=1)
"""The resolution of "last seen", of a person and of a session, which avoids a write for each
page."""


class SignedInMiddleware(AuthenticationMiddleware):
    """Django's middleware, with the person that was read together with the session."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: person_of(request))  # type: ignore[assignment]


class PersonMiddleware:
    """Middleware that gives records the request's address and pages the person's timezone and
    notation of numbers, and notes that the person was seen. No browser or proxy keeps an answer:
    the next person at the same machine could see it. Static files are served before this."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with acting_from(client_address(request)):
            response = self._answer(request)
        patch_cache_control(response, private=True, no_store=True)
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self.get_response(request)
        _see(request.user)
        with timezone.override(request.user.zone), written_with(request.user.decimal_mark):
            return self.get_response(request)


def _see(user: User) -> None:
    now = timezone.now()
    if user.last_seen_at is None or user.last_seen_at < now - SEEN_EVERY:
        User.objects.filter(pk=user.pk).update(last_seen_at=now)


class SessionSeenMiddleware:
    """allauth's UserSessionsMiddleware, which writes at every page, at a slower pace: a session
    whose person, address and browser are as they were is noted once a minute."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.session.session_key:
            seen = getattr(request.session, "seen", None)
            if seen is None or _has_changed(seen, request):
                UserSession.objects.create_from_request(request)
            elif seen.last_seen_at < timezone.now() - SESSION_SEEN_EVERY:
                UserSession.objects.filter(pk=seen.pk).update(last_seen_at=timezone.now())
        return self.get_response(request)


def _has_changed(seen: UserSession, request: HttpRequest) -> bool:
    longest = UserSession._meta.get_field("user_agent").max_length
    now = (
        request.session.session_key,
        request.user.pk,
        get_adapter().get_client_ip(request),
        request.META.get("HTTP_USER_AGENT", "")[:longest],
    )
    return bool(now != (seen.session_key, seen.user_id, seen.ip, seen.user_agent))


class SecondFactorMiddleware:
    """The requirement of a second factor for the admin, if REQUIRE_ADMIN_SECOND_FACTOR is on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        match = request.resolver_match
        if (
            match is None
            or match.app_name != "admin"
            or match.url_name == "logout"
            or not request.user.is_authenticated
            or not lacks_second_factor(request.user)
        ):
            return None
        messages.warning(request, "This site asks admins for a second factor. Set it up first.")
        return redirect("mfa_activate_totp")
