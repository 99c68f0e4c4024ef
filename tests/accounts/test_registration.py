"""Who may register by themselves: REGISTRATION, on every page and mail that speaks of it."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.config.test_environment import ask
from tests.factories import make_user
from tests.post_office import PostOffice, body
from tests.test_settings import REQUIRED

NEW = "a sentence to sign in with"
MODES = ("open", "domains", "invited", "closed")
TAKES = {"open", "domains"}


@pytest.fixture(params=MODES)
def mode(request: Any, settings: Any) -> str:
    settings.REGISTRATION = request.param
    settings.REGISTRATION_DOMAINS = ["example.com", "example.org"]
    settings.SUPPORT_EMAIL = "help@example.net"
    return str(request.param)


def sign_up(email: str) -> Any:
    return Client().post("/accounts/signup/", {"email": email, "password1": NEW})


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


# --- The settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "registration"),
    [
        ({}, "open"),
        ({"PRODUCTION": "true"}, "invited"),
        ({"PRODUCTION": "true", "REGISTRATION": "open"}, "open"),
        ({"REGISTRATION": "closed"}, "closed"),
    ],
)
def test_a_demo_is_open_and_production_is_by_invitation_unless_the_operator_says_otherwise(
    tmp_path: Path, given: dict[str, str], registration: str
) -> None:
    assert ask(tmp_path, "s.REGISTRATION", **REQUIRED, **given) == registration


def test_domains_are_a_list_in_any_case_with_or_without_the_sign(tmp_path: Path) -> None:
    given = {"REGISTRATION": "domains", "REGISTRATION_DOMAINS": " Example.ORG, @bücher.example,"}
    answer = ask(tmp_path, "ascii(s.REGISTRATION_DOMAINS)", **REQUIRED, **given)
    assert answer == ascii(["example.org", "bücher.example"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"REGISTRATION": "private"}, "expected open, domains, invited or closed"),
        ({"REGISTRATION": ""}, "expected open, domains, invited or closed"),
        ({"REGISTRATION": "domains"}, "REGISTRATION_DOMAINS is empty"),
        ({"REGISTRATION": "domains", "REGISTRATION_DOMAINS": " , "}, "is empty"),
        (
            {"REGISTRATION": "domains", "REGISTRATION_DOMAINS": "*.example.org"},
            "expected whole domains, such as example.org",
        ),
        (
            {"REGISTRATION": "domains", "REGISTRATION_DOMAINS": "me@example.org"},
            "expected whole domains, such as example.org",
        ),
        (
            {
                "REGISTRATION": "domains",
                "REGISTRATION_DOMAINS": "example.org",
                "REQUIRE_EMAIL_CONFIRMATION": "false",
            },
            "anybody could invent an address of the domain",
        ),
    ],
)
def test_what_cannot_be_meant_stops_the_start_with_a_sentence(
    tmp_path: Path, given: dict[str, str], said: str
) -> None:
    refusal = ask(tmp_path, "s.REGISTRATION", **REQUIRED, **given)
    assert "ImproperlyConfigured" in refusal
    assert said in refusal


# --- The pages -----------------------------------------------------------------------------------


def test_the_page_offers_an_account_or_says_who_to_ask(mode: str, db: None) -> None:
    page = Client().get("/accounts/signup/")
    assert page.status_code == 200
    assert ('name="password1"' in page.content.decode()) is (mode in TAKES)
    assert ("help@example.net" in words(page)) is (mode not in TAKES)
    assert ("Only addresses of example.com or example.org" in words(page)) is (mode == "domains")


def test_a_form_that_is_sent_all_the_same_makes_an_account_only_where_it_may(
    mode: str, db: None
) -> None:
    answer = sign_up("mira@example.com")
    assert User.objects.filter(email="mira@example.com").exists() is (mode in TAKES)
    assert ("help@example.net" in words(answer)) is (mode not in TAKES)


@pytest.mark.parametrize(
    "email",
    [
        "eve@evil.example",
        "eve@sub.example.com",
        "eve@example.com.evil.example",
        "eve@notexample.com",
        '"eve@example.com"@evil.example',
        "eve@example.com@evil.example",
    ],
)
@pytest.mark.parametrize("mode", ["domains"], indirect=True)
def test_only_a_whole_domain_of_the_list_may_register(mode: str, email: str, db: None) -> None:
    page = sign_up(email)
    assert page.status_code == 200
    assert not User.objects.exists()


@pytest.mark.parametrize("mode", ["domains"], indirect=True)
def test_an_address_that_looks_like_one_of_the_domain_is_one(mode: str, db: None) -> None:
    sign_up("MIRA@ＥXAMPLE.org")
    assert User.objects.get().email == "mira@example.org"


@pytest.mark.parametrize("mode", ["domains", "invited", "closed"], indirect=True)
def test_a_refusal_never_says_whether_an_address_has_an_account(mode: str, db: None) -> None:
    make_user("known@evil.example")
    known, unknown = (words(sign_up(f"{name}@evil.example")) for name in ("known", "other"))
    assert known.replace("known@", "other@") == unknown
    assert "help@example.net" in known


def test_the_sign_in_page_leads_to_an_account_or_to_who_gives_one(mode: str, db: None) -> None:
    page = Client().get("/accounts/login/")
    assert ("/accounts/signup/" in page.content.decode()) is (mode in TAKES)
    assert ("help@example.net" in words(page)) is (mode not in TAKES)


def test_so_does_the_mail_to_an_address_without_an_account(
    mode: str, post_office: PostOffice
) -> None:
    Client().post("/accounts/password/reset/", {"email": "mira@example.com"})
    text = body(post_office.one(), "plain")
    assert ("/accounts/signup/" in text) is (mode in TAKES)
    assert ("help@example.net" in text) is (mode not in TAKES)
