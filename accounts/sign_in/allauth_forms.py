"""allauth's forms with this product's rules: an address is normalised as it is stored, only the
address that a person signs in with counts, and a reset link is sent to active people only."""

from typing import Any

from allauth.account import app_settings, fields, forms, signals
from allauth.account.adapter import get_adapter

# No public function of allauth sends this mail to an address that it knows already, once a minute.
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.managers import folded
from accounts.models import User
from accounts.privacy import own_account


class EmailField(fields.EmailField):  # type: ignore[misc]
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=User._meta.get_field("email").max_length, **kwargs)

    def to_python(self, value: Any) -> str:
        return folded(super().to_python(value))


def _only_domains() -> str:
    *others, last = settings.REGISTRATION_DOMAINS
    return f"Only addresses of {', '.join(others)}{' or ' if others else ''}{last} can register."


class LoginForm(forms.LoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = EmailField()


class SignupForm(forms.SignupForm):  # type: ignore[misc]
    email = EmailField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.REGISTRATION == "domains":
            self.fields["email"].help_text = _only_domains()

    def clean_email(self) -> str:
        """Refuse another domain alike whether or not the address has an account."""
        email: str = self.cleaned_data["email"]
        is_free = settings.REGISTRATION != "domains"
        if not is_free and email.rpartition("@")[2] not in settings.REGISTRATION_DOMAINS:
            ask = f"For another address, ask {settings.SUPPORT_EMAIL}."
            raise ValidationError(f"{_only_domains()} {ask}")
        checked: str = super().clean_email()
        return checked

    def validate_unique_email(self, value: str) -> str:
        """Check that no account has the address. An unconfirmed change to it does not reserve
        it."""
        is_taken = User.objects.filter(email=value).exists()
        is_told_by_mail = (
            app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.MANDATORY
        )
        if is_taken and not is_told_by_mail:
            raise get_adapter().validation_error("email_taken")
        self.account_already_exists = is_taken
        return value


class AddEmailForm(forms.AddEmailForm):  # type: ignore[misc]
    email = EmailField()

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email == self.user.email:
            raise get_adapter().validation_error("duplicate_email")
        signals._add_email.send(
            sender=User, email=email, user=self.user
        )  # a second factor may refuse
        return email

    def save(self, request: HttpRequest) -> EmailAddress:
        address = own_account.ask_for_email(user=self.user, email=self.cleaned_data["email"])
        send_verification_email_to_address(request, address)
        return address


class ResetPasswordForm(forms.ResetPasswordForm):  # type: ignore[misc]
    email = EmailField()

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        self.users = list(User.objects.filter(email=email, is_active=True))
        return email


class UserTokenForm(forms.UserTokenForm):  # type: ignore[misc]
    def _get_user(self, uidb36: str) -> User | None:
        user: User | None = super()._get_user(uidb36)
        return user if user is not None and user.is_active else None
