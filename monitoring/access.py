"""Access to the monitoring pages: admins, on the same terms as Django admin."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect

from accounts.requests import SignedInRequest

View = Callable[..., HttpResponseBase]


def staff_only(view: View) -> View:
    """Restrict a view to admins, with 404 for others; if admins need a second factor, it is needed
    here as well."""

    @wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **named: Any) -> HttpResponseBase:
        if not (request.user.is_active and request.user.is_staff):
            raise Http404
        if settings.REQUIRE_ADMIN_SECOND_FACTOR and not is_mfa_enabled(request.user):
            return redirect("mfa_activate_totp")
        return view(request, *args, **named)

    return guarded
