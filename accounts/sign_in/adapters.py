"""Adapters of allauth: the behaviour of its account pages in this product."""

from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context as current
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from accounts import mails
from accounts.activity import record
from accounts.errors import AddressTaken
from accounts.managers import folded
from accounts.models import ActivityEvent, User
from accounts.privacy import own_account
from accounts.requests import client_address
from accounts.single_sign_on import services as single_sign_on

WRONG = "E-mail or password is wrong."
ASKED_BY_ANYBODY = {"account/email/password_reset_key", "account/email/unknown_account"}
"""Mails that anybody may request for any address: limited per hour, with the same answer."""
PAUSED_AFTER, PAUSE_WINDOW = 5, timedelta(minutes=15)
"""So many failed sign-ins to one account within this time begin a pause; its owner is told once."""
UNCONFIRMED = "unconfirmed_email"
"""Session key: where the person expects the confirmation mail."""
MESSAGES = {
    "account/messages/email_confirmation_failed.txt": (
        "{email} is already in use. Nothing was changed."
    ),
    "account/messages/email_confirmation_sent.txt": "",
    "account/messages/email_confirmed.txt": "{email} is confirmed.",
    "account/messages/email_deleted.txt": "{email} will not be used.",
    "account/messages/logged_in.txt": "",
    "account/messages/logged_out.txt": "",
    "account/messages/password_changed.txt": "Your password is changed.",
    "account/messages/password_set.txt": "Your password is changed.",
    "mfa/messages/recovery_codes_generated.txt": "",
    "mfa/messages/totp_activated.txt": (
        "The second factor is on. Keep the recovery codes below where only you can find them."
    ),
    "mfa/messages/totp_deactivated.txt": "The second factor is off.",
    "usersessions/messages/sessions_logged_out.txt": "The other sessions were signed out.",
}
"""Texts by the name of allauth's template; no text where the page itself shows what happened."""
SENT_AT_SIGN_UP = "Check your inbox. The mail to {email} has a link that confirms your address."
"""Where the account opens at once, no page says that a mail was sent."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": WRONG,
        "too_many_login_attempts": WRONG,  # during a pause the message is that of a wrong password
        "email_taken": "An account with this e-mail exists. Sign in, or reset its password.",
        "duplicate_email": "This is already your address.",
        "enter_current_password": "This is not your current password.",
        "incorrect_password": "This is not your password.",
    }

    # --- Signing up and in ---------------------------------------------------------------------

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        if len(credentials.get("password", "")) > User.PASSWORD_LENGTH:
            credentials["password"] = ""  # refused for everybody, before it is hashed
        return super().authenticate(request, **credentials)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return whether people register by themselves; invitations work in any case."""
        return settings.REGISTRATION in {"open", "domains"}

    def clean_email(self, email: str) -> str:
        return folded(super().clean_email(email))

    def save_user(
        self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True
    ) -> User:
        try:
            with transaction.atomic():
                saved: User = super().save_user(request, user, form, commit)
                # An unconfirmed change to an address does not reserve it.
                EmailAddress.objects.filter(email=saved.email, verified=False).delete()
                return saved
        except IntegrityError:  # the same address signed up at the same moment
            answer = self.respond_email_verification_sent(request, None)
            raise ImmediateHttpResponse(answer) from None

    def login(self, request: HttpRequest, user: User) -> None:
        with transaction.atomic():
            super().login(request, user)
            if user.deletion_requested_at:
                own_account.reopen_account(user=user)
                messages.success(request, "Welcome back. Your account will not be deleted.")
            record("signed in", by=user, target=user.email)

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Refuse service accounts, too: they have tokens and no sign-in. Refuse a password where
        the single sign-on decides."""
        answer: HttpResponse | None = super().pre_login(request, user, **kwargs)
        if answer is None and user.is_service:
            answer = self.respond_user_inactive(request, user)
        is_by_password = not _is_through_provider(kwargs)
        if answer is None and is_by_password and single_sign_on.must_be_used_by(user):
            record("sign-in failed", by=user, target=user.email)
            answer = render(request, "account/sign_on_refused.html", status=403)
        return answer

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        if _is_through_provider(kwargs):
            request.session.set_expiry(settings.OIDC_SESSION)
        answer: HttpResponse = super().post_login(request, user, **kwargs)
        return answer

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, User):
            record("signed out", by=request.user, target=request.user.email)
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        email = folded(str(credentials.get("email", "")))
        person = User.objects.filter(email=email).first()
        record("sign-in failed", by=person, target=email)
        if person is not None and _has_just_paused(email):
            mails.send("account/email/sign_in_paused", person.email, user=person)

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or "0.0.0.0"  # noqa: S104 - nobody's address, not a binding

    def respond_email_verification_sent(
        self, request: HttpRequest, user: User | None
    ) -> HttpResponse:
        given = request.POST.get("email") or request.POST.get("login") or ""
        request.session[UNCONFIRMED] = folded(given[:254])
        answer: HttpResponse = super().respond_email_verification_sent(request, user)
        return answer

    # --- Password ------------------------------------------------------------------------------

    def set_password(self, user: User, password: str) -> None:
        request = current.request
        is_reset = request.resolver_match.url_name == "account_reset_password_from_key"
        if is_reset and request.user.pk == user.pk:
            logout(request)  # the requesting session ends like the others
        own_account.change_password(
            user=user, password=password, is_reset=is_reset, session=request.session.session_key
        )

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_change_password")

    def get_reset_password_from_key_url(self, key: str) -> str:
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return f"{settings.SITE_URL}{path.replace('UID-KEY', key)}"

    # --- E-mail address ------------------------------------------------------------------------

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        path = reverse("account_confirm_email", args=[emailconfirmation.key])
        return f"{settings.SITE_URL}{path}"

    def send_confirmation_mail(
        self, request: HttpRequest, emailconfirmation: Any, signup: bool
    ) -> None:
        address = emailconfirmation.email_address
        user = address.user
        if user.email == address.email:
            super().send_confirmation_mail(request, emailconfirmation, signup)
            return
        if _is_of_somebody_else(address):
            self.send_account_already_exists_mail(address.email)
        else:
            super().send_confirmation_mail(request, emailconfirmation, signup)
        mails.send("account/email/email_pending", user.email, user=user, to_email=address.email)

    def send_account_already_exists_mail(self, email: str) -> None:
        if current.request.resolver_match.url_name == "account_signup":
            # A new address costs one hash; a known one must take as long.
            make_password(current.request.POST.get("password1", ""))
        self.send_mail("account/email/account_already_exists", email, {})

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        return bool(email_address.email != email_address.user.email)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        try:
            before = own_account.confirm_email(address=email_address)
        except AddressTaken as error:
            messages.error(request, error.message)
            return False
        if before != email_address.email:
            told = {"from_email": before, "to_email": email_address.email}
            user = email_address.user
            self.send_notification_mail("account/email/email_changed", user, told, before)
        confirmed = MESSAGES["account/messages/email_confirmed.txt"]
        messages.success(request, confirmed.format(email=email_address.email))
        return True

    # --- Messages and mails --------------------------------------------------------------------

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        if message_template in MESSAGES:
            about = message_context or {}
            text = MESSAGES[message_template]
            if about.get("signup") and not settings.REQUIRE_EMAIL_CONFIRMATION:
                text = SENT_AT_SIGN_UP
            message = text.format(**about)
            message_template = None
        super().add_message(request, level, message_template, message_context, extra_tags, message)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        request = current.request
        if template_prefix in ASKED_BY_ANYBODY and not ratelimit.consume(
            request, action="reset_mail", key=email
        ):
            return
        address = client_address(request) if request else None
        own = {key: value for key, value in context.items() if key != "request"}
        mails.send(template_prefix, email, **{"address": address, **own})

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        if template_prefix == "account/email/email_deleted":
            return  # a cancelled change of address changes nothing
        self.send_mail(
            template_prefix,
            email or user.email,
            {"user": user, "timestamp": timezone.now(), **(context or {})},
        )


class SessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]
    def end_sessions(self, sessions: list[Any]) -> None:
        super().end_sessions(sessions)
        if sessions:
            user = sessions[0].user
            record("other sessions ended", by=user, target=user.email, after={"n": len(sessions)})


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    error_messages = DefaultMFAAdapter.error_messages | {
        "add_email_blocked": "Switch off the second factor first. Then you can change the address.",
        "cannot_generate_recovery_codes": "Set up the second factor first.",
        "incorrect_code": "This code is wrong, or was used before. Wait for the next one.",
        "unverified_email": "Confirm your e-mail address first, with the link in the mail.",
    }


def _has_just_paused(email: str) -> bool:
    """Return whether the failure just recorded was the one that began a pause for this account.
    True once in a window, however many attempts follow. allauth itself counts and refuses
    (ACCOUNT_RATE_LIMITS)."""
    recent = ActivityEvent.objects.filter(
        action="sign-in failed", target=email, at__gt=timezone.now() - PAUSE_WINDOW
    )
    if recent[:PAUSED_AFTER].count() < PAUSED_AFTER:
        return False
    return bool(cache.add(f"sign-in-paused:{email}", True, PAUSE_WINDOW.total_seconds()))


def _is_through_provider(login: dict[str, Any]) -> bool:
    """Whether the sign-in comes from the provider, at once or after a proof of the account."""
    about = login.get("signal_kwargs") or {}
    return "sociallogin" in about or "through_provider" in about


def _is_of_somebody_else(address: EmailAddress) -> bool:
    others = User.objects.filter(email=address.email).exclude(pk=address.user_id)
    return bool(others.exists())
