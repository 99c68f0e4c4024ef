"""Rate limits: 429 and the time to wait, for people and for programs."""

from typing import Any

import pytest
from allauth.account import app_settings
from allauth.core.internal.ratelimit import parse_rates
from django.test import Client

from accounts.models import User
from accounts.services import password_reset_link
from config.limits.rate_window import WINDOW_SECONDS
from executions import services
from executions.errors import QueueFull
from models_registry.models import ModelVersion
from tests.factories import LOAN_OUTPUTS, PASSWORD, make_execution

NEVER_429 = {"login_failed", "confirm_email", "reset_mail", "request_login_code"}
"""Limits whose excess is refused with a form error, or by sending no mail."""
ASKED = {
    "login": ("/accounts/login/", {"login": "a@example.com", "password": "x"}, "ip"),
    "signup": ("/accounts/signup/", {"email": "a@example.com", "password1": "x"}, "ip"),
    "reset_password": ("/accounts/password/reset/", {"email": "a@example.com"}, "key"),
    "change_password": ("/accounts/password/change/", {"oldpassword": "x"}, "user"),
    "manage_email": ("/accounts/email/", {"email": "a@example.com", "action_add": ""}, "user"),
    "reauthenticate": ("/accounts/reauthenticate/", {"password": "x"}, "user"),
}


def limit(settings: Any, **rates: str) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | rates


@pytest.mark.parametrize("action", ASKED)
def test_a_page_of_an_account_says_when_to_come_back(
    action: str, alice: User, settings: Any
) -> None:
    address, data, per = ASKED[action]
    limit(settings, **{action: f"0/m/{per}"})
    client = Client()
    if per == "user":
        client.force_login(alice)
    answer = client.post(address, data)
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert "Try again in 60 s." in answer.content.decode()


@pytest.mark.parametrize(
    ("action", "address"),
    [("change_password", "/admin/password_change/"), ("reauthenticate", "/accounts/close/")],
)
def test_our_own_pages_that_take_a_password_do_too(
    action: str, address: str, as_ada: Client, settings: Any
) -> None:
    limit(settings, **{action: "0/m/user"})
    answer = as_ada.post(address, {"password": PASSWORD, "old_password": PASSWORD})
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")


def test_a_reset_link_does_too(alice: User, settings: Any) -> None:
    visitor = Client()
    link = password_reset_link(alice).removeprefix(settings.SITE_URL)
    form = visitor.get(link, follow=True).redirect_chain[-1][0]
    limit(settings, reset_password_from_key="0/m/ip")
    answer = visitor.post(form, {"password1": "x", "password2": "x"})
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")


def test_no_limit_that_is_answered_so_is_longer_than_what_the_answer_says() -> None:
    for action, rates in app_settings.RATE_LIMITS.items():
        if action not in NEVER_429:
            assert all(rate.duration <= WINDOW_SECONDS for rate in parse_rates(rates)), action


@pytest.mark.parametrize("export", ["export", "pdf", "compare_csv", "compare_pdf", "admin"])
def test_an_export_says_when_to_come_back(export: str, ada: User, settings: Any) -> None:
    settings.EXPORTS_PER_MINUTE = 1
    version = make_execution(user=ada, outputs=LOAN_OUTPUTS).version
    two = [make_execution(user=ada, version=version, outputs=LOAN_OUTPUTS) for _ in range(2)]
    ids = "&".join(f"ids={one.pk}" for one in two)
    address = {
        "export": "/history/export/",
        "pdf": f"/predictions/{two[0].pk}/pdf/",
        "compare_csv": f"/compare/csv/?{ids}",
        "compare_pdf": f"/compare/pdf/?{ids}",
        "admin": "/admin/executions/execution/export/",
    }[export]
    client = Client()
    client.force_login(ada)
    assert client.post("/history/export/").getvalue()
    answer = client.post(address)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60


def test_a_prediction_says_when_to_come_back(
    as_alice: Client, active_version: ModelVersion, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PREDICTIONS_PER_MINUTE = 1
    address = f"/models/{active_version.model.slug}/"

    def ask() -> Any:
        known = as_alice.get(address).context["form"].initial
        values = {"f0": "34", "f1": "41500", "f2": "true", "f3": "emp"}
        sent = {"form_token": known["form_token"], "schema": known["schema"]}
        return as_alice.post(address, values | sent)

    assert ask().status_code == 302
    answer = ask()
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60

    def is_full(**_: Any) -> None:
        raise QueueFull

    monkeypatch.setattr(services, "request_execution", is_full)
    answer = ask()
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
