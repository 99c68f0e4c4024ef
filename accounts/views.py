"""Views of a person's own pages: profile, data, closing the account, and another confirmation
mail."""

import tempfile

# No public function of allauth sends this mail to an address that it knows already, once a minute.
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.account.views import email as email_page
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.activity import record
from accounts.forms import PasswordForm, ProfileForm
from accounts.privacy import own_account, personal_data
from accounts.requests import SignedInRequest
from accounts.sign_in.adapters import UNCONFIRMED
from config.errors import refusals_in
from config.limits.long_work import takes_long


@require_http_methods(["GET", "POST"])
def change_email(request: SignedInRequest) -> HttpResponseBase:
    """Show allauth's page. An address becomes the person's own by being confirmed, and in no other
    way."""
    if "action_primary" in request.POST:
        return redirect("account_email")
    answer: HttpResponseBase = email_page(request)
    return answer


@require_http_methods(["GET", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "account/profile.html", {"form": ProfileForm(instance=request.user)})
    form = ProfileForm(request.POST, instance=request.user)
    if not form.is_valid():
        return render(request, "account/profile.html", {"form": form}, status=422)
    own_account.change_preferences(user=request.user, changes=form.cleaned_data)
    messages.success(request, "Saved.")
    return redirect("accounts:profile")


@login_not_required
@require_POST
def resend_confirmation(request: HttpRequest) -> HttpResponse:
    """Send the confirmation mail again to the address that this browser just gave, at most once a
    minute. The answer is the same whatever that address is."""
    email = request.session.get(UNCONFIRMED, "")
    if email:
        own = EmailAddress.objects.filter(email=email, user__email=email)
        address = own.select_related("user").first()
        if address is None or address.verified:
            address = EmailAddress(user=None, email=email)
        send_verification_email_to_address(request, address, signup=True)
        messages.success(request, "Sent again, unless the last mail is less than a minute old.")
    return redirect("account_email_verification_sent")


@require_GET
def data(request: SignedInRequest) -> HttpResponse:
    return render(request, "account/data.html")


@require_POST
@takes_long
def download_data(request: SignedInRequest, kind: str) -> FileResponse:
    """Download everything kept about the person: one JSON file, or a ZIP of CSV files."""
    record("own data downloaded", by=request.user, target=request.user.email, after={"as": kind})
    write, suffix = (
        (personal_data.write_json, "json") if kind == "json" else (personal_data.write_csv, "zip")
    )
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    write(file, request.user)
    file.seek(0)
    name = f"my-data-{timezone.localtime():%Y-%m-%d}.{suffix}"
    kind_of_file = f"application/{suffix}"
    return FileResponse(file, as_attachment=True, filename=name, content_type=kind_of_file)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def close_account(request: SignedInRequest) -> HttpResponse:
    refusal: HttpResponse | None = ratelimit.consume_or_429(request, action="reauthenticate")
    if refusal:
        return refusal
    form = PasswordForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_in(form):
            own_account.close_account(user=request.user)
            logout(request)
            return render(request, "account/closed.html")
    status = 422 if form.errors else 200
    return render(request, "account/close.html", {"form": form}, status=status)
