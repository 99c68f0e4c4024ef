"""The page of an invitation's link. Opening it changes nothing: programs that check mails open
links, and even press buttons; only a chosen password makes the account."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.utils import perform_login
from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.errors import HasAccount, InvitationUnknown, InvitationUsed
from accounts.forms import SignupForm
from accounts.invitations import services
from accounts.invitations.models import Invitation
from accounts.models import User
from config.errors import DomainError


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
    context: dict[str, Any]
    try:
        invitation = services.found(secret)
        if request.user.is_authenticated:
            context = {"invitation": invitation, "somebody_else": request.user}
            status = 403 if request.method == "POST" else 200
            return render(request, "account/invitation.html", context, status=status)
        form = AcceptForm(invitation, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            user = services.accept(
                invitation=invitation,
                name=form.cleaned_data["name"],
                password=form.cleaned_data["password1"],
                timezone=form.cleaned_data["timezone"],
            )
            messages.success(request, "Your account is ready.")
            answer: HttpResponse = perform_login(request, user, email_verification="none")
            return answer
    except DomainError as error:
        can_sign_in = isinstance(error, HasAccount | InvitationUsed)
        context = {"refusal": error.message, "can_sign_in": can_sign_in}
        status = 404 if isinstance(error, InvitationUnknown) else 410
        return render(request, "account/invitation.html", context, status=status)
    context = {"invitation": invitation, "form": form}
    return render(request, "account/invitation.html", context, status=422 if form.errors else 200)
