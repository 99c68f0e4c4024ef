"""The request type of views behind the sign-in, and the client address of a request."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class SignedInRequest(HttpRequest):
    """A request with a signed-in user: LoginRequiredMiddleware admits no other to views that are
    not public."""

    user: User
    htmx: HtmxDetails


def client_address(request: HttpRequest) -> str | None:
    """Return the client's network address, or None if there is none (a Unix socket).

    Each of the TRUSTED_PROXIES in front appends the address that it saw to X-Forwarded-For, so the
    entry that many places from the end is the client's. Every entry before it, or the whole
    header without a configured proxy, is the client's own claim and counts for nothing. allauth's
    own count (ALLAUTH_TRUSTED_PROXY_COUNT) would answer 500 to a request that came past the
    proxies, and 403 to one through a socket file.
    """
    address = request.META.get("REMOTE_ADDR", "")
    hops = settings.TRUSTED_PROXIES
    seen = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if hops and len(seen) >= hops:
        address = seen[-hops].strip()
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None
