"""The pages of the single sign-on: to the provider, back from it, and the proof that an existing
account is one's own."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.utils import get_next_redirect_url, perform_login
from allauth.core import ratelimit
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts.activity import record
from accounts.errors import ProviderFailed, SignOnRefused
from accounts.models import User
from accounts.single_sign_on import services
from accounts.single_sign_on.claims import Claims
from accounts.single_sign_on.provider import PROOF, Conversation

log = logging.getLogger(__name__)
PROOF_SECONDS = 600
View = Callable[[HttpRequest], HttpResponse]


def _refusing(view: View) -> View:
    """Answer a refusal of the view with its page, and count the attempts of a network address.
    Without a provider there is no such page."""

    @login_not_required
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if not services.is_on():
            raise Http404
        too_many: HttpResponse | None = ratelimit.consume_or_429(
            request, action="single_sign_on", limit_get=True
        )
        if too_many:
            return too_many
        try:
            return view(request)
        except SignOnRefused as refusal:
            _log(refusal)
            context = {"refusal": refusal.message}
            return render(request, "account/sign_on_refused.html", context, status=refusal.status)

    return answer


def _log(refusal: SignOnRefused) -> None:
    """Tell admins the kind of the failure and of its cause. The cause's own words may hold tokens
    and what is said about people."""
    kind, cause = type(refusal).__name__, type(refusal.__cause__).__name__
    log.warning("single sign-on refused: reason=%s cause=%s", kind, cause)
    if isinstance(refusal, ProviderFailed):
        after = {"reason": refusal.message, "cause": cause}
        record("single sign-on failed", by=None, target=settings.OIDC_NAME, after=after)


@_refusing
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Send the person to the provider. It is a link, since a form could not: the policy of the
    pages keeps forms on this site."""
    conversation = Conversation(request)
    answer: HttpResponse = conversation.get_provider().redirect(
        request, process="login", next_url=get_next_redirect_url(request)
    )
    return answer


@_refusing
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Take the person whom the provider sends back."""
    answer: HttpResponse = OAuth2CallbackView.adapter_view(Conversation(request))(request)
    return answer


class ProofForm(forms.Form):
    """The password of the account that is to be linked. Wrong ones count as failed sign-ins."""

    password = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, request: HttpRequest, user: User, data: Any = None) -> None:
        super().__init__(data)
        self.request, self.user = request, user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        known = get_adapter().authenticate(self.request, email=self.user.email, password=password)
        if known != self.user:
            raise forms.ValidationError("This is not the password of the account.")
        return password


@_refusing
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest) -> HttpResponse:
    """Ask once for the password of the account with the provider's address; a POST links it and
    signs the person in."""
    kept = request.session.get(PROOF)
    if kept is None or kept["at"] < timezone.now().timestamp() - PROOF_SECONDS:
        return redirect("account_login")
    claims = Claims.from_json(kept["claims"])
    user = User.objects.filter(email=claims.email).first()
    if user is None:
        return redirect("account_login")
    form = ProofForm(request, user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        del request.session[PROOF]
        user = services.link(user=user, claims=claims)
        answer: HttpResponse = perform_login(
            request,
            user,
            email_verification="none",
            redirect_url=kept["next"],
            signal_kwargs={"through_provider": True},
        )
        return answer
    context = {"form": form, "email": claims.email}
    return render(request, "account/link.html", context, status=422 if form.errors else 200)
