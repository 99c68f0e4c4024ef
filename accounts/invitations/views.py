"""The page of an invitation's link. Opening it changes nothing: programs that check mails open
links, and even press buttons; only a chosen password makes the account."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.utils import perform_login
from allauth.core import ratelimit
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.errors import HasAccount, InvitationUnknown, InvitationUsed
from accounts.forms import SignupForm
from accounts.invitations import services
from accounts.invitations.models import Invitation
from accounts.models import User
from config.errors import DomainError
from config.text.plain_text import listed

READY = "Your account is ready."


class AcceptForm(SignupForm):
    """What a person adds to their invitation."""

    password1 = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, invitation: Invitation, data: Any = None) -> None:
        super().__init__(data, initial={"name": invitation.name})
        self.invitation = invitation

    def clean_password1(self) -> str:
        about = User(email=self.invitation.email, name=self.cleaned_data.get("name", ""))
        password: str = get_adapter().clean_password(self.cleaned_data["password1"], user=about)
        return password


@login_not_required
@sensitive_post_parameters("password1")
@sensitive_variables("secret")
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest, secret: str) -> HttpResponse:
    """Ask the invited person for a name and a password; a POST makes their account and signs them
    in."""
    refusal: HttpResponse | None = ratelimit.consume_or_429(
        request, action="invitation", limit_get=True
    )
    if refusal:
        return refusal
    try:
        if isinstance(request.user, User) and services.was_used_by(request.user, secret):
            return _arrived(request, request.user)
        return _answer(request, services.found(secret))
    except DomainError as error:
        can_sign_in = isinstance(error, HasAccount | InvitationUsed)
        context = {"refusal": error.message, "can_sign_in": can_sign_in}
        status = 404 if isinstance(error, InvitationUnknown) else 410
        return render(request, "account/invitation.html", context, status=status)


def _answer(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Answer at the link of an invitation that counts. Without a password to choose there is no
    form: the page leads to the provider, and the provider back to the page."""
    is_sent = request.method == "POST"
    context: dict[str, Any] = {"invitation": invitation}
    if request.user.is_authenticated:
        context["somebody_else"] = request.user
        return render(request, "account/invitation.html", context, status=403 if is_sent else 200)
    if not services.takes_password(invitation):
        return render(request, "account/invitation.html", context, status=403 if is_sent else 200)
    form = AcceptForm(invitation, request.POST if is_sent else None)
    if is_sent and form.is_valid():
        user = services.accept(
            invitation=invitation,
            name=form.cleaned_data["name"],
            password=form.cleaned_data["password1"],
            timezone=form.cleaned_data["timezone"],
        )
        messages.success(request, READY)
        answer: HttpResponse = perform_login(request, user, email_verification="none")
        return answer
    context["form"] = form
    return render(request, "account/invitation.html", context, status=422 if form.errors else 200)


def _arrived(request: HttpRequest, user: User) -> HttpResponse:
    """Send home somebody who came in by their invitation, and say what of it the provider decided
    otherwise."""
    messages.success(request, READY)
    if left := services.left_to_provider(user):
        said = f"{settings.OIDC_NAME} decides this and does not give it to you"
        messages.info(request, f"Your invitation also named {listed(left, 'groups')}. {said}.")
    return redirect("executions:home")
