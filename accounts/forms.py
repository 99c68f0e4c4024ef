"""The forms of a person's own account pages."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User

AREAS = (
    "Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/",
    "Australia/", "Europe/", "Indian/", "Pacific/",
)  # fmt: skip


@cache
def zone_names() -> frozenset[str]:
    return frozenset({"UTC", *(name for name in available_timezones() if name.startswith(AREAS))})


class SignupForm(forms.Form):
    """The fields of sign-up beside e-mail and password. The browser fills in the timezone."""

    name = forms.CharField(
        max_length=150, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    timezone = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)
    field_order = ("name", "email", "password1", "timezone")

    def clean_timezone(self) -> str:
        """Replace an unknown timezone by the site's default: the browser sent it, nobody typed
        it."""
        name = self.cleaned_data["timezone"]
        return name if name in zone_names() else ""

    def signup(self, request: HttpRequest, user: User) -> None:
        from accounts.activity import record  # allauth loads this module before the models

        user.name = self.cleaned_data["name"]
        user.timezone = self.cleaned_data["timezone"]
        user.save(update_fields=["name", "timezone"])
        record("signed up", by=user, target=user.email)


class ProfileForm(forms.ModelForm):
    timezone = forms.ChoiceField(required=False)

    class Meta:
        model = User
        fields = ["name", "timezone", "number_format"]
        labels = {"number_format": "Numbers"}
        widgets = {"number_format": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["timezone"]
        assert isinstance(field, forms.ChoiceField)
        names = sorted(zone_names() | {self.instance.timezone} - {""})
        field.choices = [("", f"Site default ({settings.SITE_TIME_ZONE})")]
        field.choices += [(name, name.replace("_", " ")) for name in names]
        field.help_text = f"It is now {timezone.localtime():%-d %b %Y, %H:%M %Z}"


class PasswordForm(forms.Form):
    """The current password, required before an irreversible action."""

    password = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=300,
        required=False,
        help_text="Kept in the activity record; the person cannot see it.",
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
