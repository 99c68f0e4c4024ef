"""Access to the monitoring pages: admins, on the same terms as Django admin."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect

from accounts.requests import SignedInRequest
from accounts.sign_in.second_factor import lacks_second_factor

View = Callable[..., HttpResponseBase]


def staff_only(view: View) -> View:
    """Restrict a view to admins, with 404 for others; if admins need a second factor, it is needed
    here as well."""

    @wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **named: Any) -> HttpResponseBase:
        if not (request.user.is_active and request.user.is_staff):
            raise Http404
        if lacks_second_factor(request.user):
            return redirect("mfa_activate_totp")
        return view(request, *args, **named)

    return guarded
