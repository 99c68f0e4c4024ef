"""Sign-in: throttle, addresses behind proxies, redirects, second factor."""

import threading
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts.models import ActivityEvent, User
from tests.clocks import NOW, stand_still
from tests.factories import PASSWORD, make_user
from tests.post_office import PostOffice


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password}, **extra)


def fail(email: str, times: int, **extra: Any) -> None:
    for _ in range(times):
        assert sign_in(Client(), email, "wrong", **extra).status_code == 200


def test_five_failures_pause_an_account_and_the_right_password_gets_the_same_answer(
    alice: User, bob: User
) -> None:
    fail(alice.email, 4)
    assert sign_in(Client(), alice.email).status_code == 302
    fail(alice.email, 1)
    wrong = sign_in(Client(), bob.email, "wrong").content.decode()
    paused = sign_in(Client(), alice.email)
    assert paused.status_code == 200
    assert "E-mail or password is wrong." in paused.content.decode()
    for words in ("too many", "paused", "later"):
        assert words not in paused.content.decode().lower()
    assert ("E-mail or password is wrong." in wrong) is True
    assert sign_in(Client(), bob.email).status_code == 302


def test_the_pause_ends_after_15_minutes(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = stand_still(monkeypatch, "allauth.core.internal.ratelimit")
    fail(alice.email, 5)
    for minutes, status in ((14, 200), (16, 302)):
        clock.now = NOW + minutes * 60
        assert sign_in(Client(), alice.email).status_code == status


def test_the_owner_gets_one_mail_of_a_pause(alice: User, post_office: PostOffice) -> None:
    fail(alice.email, 8)
    letter = post_office.one()
    assert (letter["To"], letter["Subject"]) == (alice.email, "Too many failed sign-ins")


def test_twenty_failures_pause_an_address_whatever_it_claims_to_be(bob: User) -> None:
    for number in range(20):
        claim = {"HTTP_X_FORWARDED_FOR": f"198.51.100.{number}"}
        fail(f"person{number}@example.com", 1, **claim)
    client = Client()
    assert sign_in(client, bob.email, HTTP_X_FORWARDED_FOR="203.0.113.9").status_code == 200
    assert sign_in(Client(), bob.email, REMOTE_ADDR="203.0.113.9").status_code == 302


def test_a_reset_ends_the_pause(alice: User) -> None:
    from accounts.services import password_reset_link

    fail(alice.email, 5)
    client = Client()
    form = client.get(password_reset_link(alice), follow=True)
    new = {"password1": "another long sentence", "password2": "another long sentence"}
    client.post(form.redirect_chain[-1][0], new)
    assert sign_in(Client(), alice.email, "another long sentence").status_code == 302


@pytest.mark.parametrize(
    ("hops", "header", "recorded"),
    [
        (0, "198.51.100.7", "192.0.2.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.66, 198.51.100.7", "198.51.100.7"),
        (2, "203.0.113.66, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),
        (1, "no address", None),
    ],
)
def test_only_configured_proxies_are_believed(
    hops: int, header: str, recorded: str | None, alice: User, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = hops
    sign_in(Client(), alice.email, HTTP_X_FORWARDED_FOR=header, REMOTE_ADDR="192.0.2.1")
    assert ActivityEvent.objects.get(action="signed in").address == recorded


def test_each_act_at_the_door_is_recorded_once(alice: User) -> None:
    client = Client()
    sign_in(client, alice.email, "wrong")
    sign_in(client, "nobody@example.com", "wrong")
    sign_in(client, alice.email)
    client.post("/accounts/logout/")
    acts = ActivityEvent.objects.order_by("id").values_list("action", "actor", "target", "address")
    assert list(acts) == [
        ("sign-in failed", alice.pk, alice.email, "127.0.0.1"),
        ("sign-in failed", None, "nobody@example.com", "127.0.0.1"),
        ("signed in", alice.pk, alice.email, "127.0.0.1"),
        ("signed out", alice.pk, alice.email, "127.0.0.1"),
    ]


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"],
)
def test_nobody_is_sent_to_another_site(alice: User, address: str) -> None:
    data = {"login": alice.email, "password": PASSWORD, "next": address}
    assert Client().post("/accounts/login/", data)["Location"] == "/"


def test_a_foreign_host_gets_400(client: Client) -> None:
    assert client.get("/accounts/login/", headers={"host": "evil.example"}).status_code == 400


def test_a_reset_link_names_the_sites_own_host(
    alice: User, post_office: PostOffice, settings: Any
) -> None:
    settings.SITE_URL = "https://models.example.org"
    settings.ALLOWED_HOSTS = ["*"]
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    Client().post("/accounts/password/reset/", {"email": alice.email}, headers=headers)
    assert "evil.example" not in post_office.one().as_string()


class CountingHasher(PBKDF2PasswordHasher):
    """What outweighs everything else in the time of an answer: counts the iterations done."""

    iterations = 1_000
    done = 0

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        type(self).done += iterations or self.iterations
        return super().encode(password, salt, iterations)


@pytest.mark.parametrize(
    ("path", "field", "rest"),
    [
        ("/accounts/login/", "login", {"password": "wrong"}),
        ("/accounts/signup/", "email", {"password1": "a long sentence, quite new"}),
    ],
    ids=["sign-in", "sign-up"],
)
def test_a_known_address_costs_as_much_hashing_as_an_unknown_one(
    path: str, field: str, rest: dict[str, str], settings: Any, db: None
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user("known@example.com")
    cost = {}
    for name in ("known", "unknown"):
        before = CountingHasher.done
        Client().post(path, {field: f"{name}@example.com", **rest})
        cost[name] = CountingHasher.done - before
    assert cost == {"known": CountingHasher.iterations, "unknown": CountingHasher.iterations}


@pytest.fixture
def same_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the half minute in which the digits of a second factor are valid from ending."""
    stand_still(monkeypatch, "allauth.mfa.totp.internal.auth")


def enroll(client: Client) -> str:
    """Set up a second factor through its pages; returns the secret."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    form = client.get("/accounts/2fa/totp/activate/")
    secret: str = form.context["form"].secret
    answer = client.post("/accounts/2fa/totp/activate/", {"code": digits(secret)})
    assert answer.status_code == 302
    return secret


def digits(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


@pytest.mark.usefixtures("same_digits")
def test_a_second_factor_is_asked_for_and_a_recovery_code_works_once(
    alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    client = Client()
    sign_in(client, alice.email)
    with django_capture_on_commit_callbacks(execute=True):
        secret = enroll(client)
    codes = client.get("/accounts/2fa/recovery-codes/").context["unused_codes"]
    visitor = Client()
    assert sign_in(visitor, alice.email)["Location"] == "/accounts/2fa/authenticate/"
    assert visitor.get("/accounts/profile/").status_code == 302
    assert visitor.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert visitor.post("/accounts/2fa/authenticate/", {"code": codes[0]}).status_code == 302
    assert visitor.get("/accounts/profile/").status_code == 200
    again = Client()
    sign_in(again, alice.email)
    assert again.post("/accounts/2fa/authenticate/", {"code": codes[0]}).status_code == 200
    cache.clear()  # the digits that set it up were used
    again.post("/accounts/2fa/authenticate/", {"code": digits(secret)})
    assert again.get("/accounts/profile/").status_code == 200
    added = ActivityEvent.objects.filter(action="second factor added", actor=alice)
    assert sorted(event.after["kind"] for event in added) == ["recovery_codes", "totp"]  # type: ignore[index]


@pytest.mark.usefixtures("same_digits")
def test_the_secrets_of_a_second_factor_are_kept_by_no_browser(alice: User) -> None:
    client = Client()
    sign_in(client, alice.email)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    asked = client.get("/accounts/2fa/totp/activate/")
    secret = asked.context["form"].secret
    assert secret in asked.content.decode()
    client.post("/accounts/2fa/totp/activate/", {"code": digits(secret)})
    codes = client.get("/accounts/2fa/recovery-codes/")
    file = client.get("/accounts/2fa/recovery-codes/download/")
    for page in (asked, codes, file):
        assert page.status_code == 200
        assert "no-store" in page["Cache-Control"]


@pytest.mark.usefixtures("same_digits")
def test_the_site_may_ask_admins_for_a_second_factor(ada: User, settings: Any) -> None:
    settings.REQUIRE_ADMIN_SECOND_FACTOR = True
    client = Client()
    sign_in(client, ada.email)
    page = client.get("/admin/", follow=True)
    assert page.redirect_chain[-1][0].endswith("?next=%2Faccounts%2F2fa%2Ftotp%2Factivate%2F")
    assert "asks admins for a second factor" in page.content.decode()
    assert client.get("/accounts/profile/").status_code == 200
    enroll(client)
    assert client.get("/admin/").status_code == 200


def test_the_admins_sign_in_has_the_same_throttle(ada: User) -> None:
    fail(ada.email, 5)
    answer = Client().get("/admin/login/")
    assert answer["Location"].startswith("/accounts/login/")
    assert sign_in(Client(), ada.email).status_code == 200


def test_the_session_gets_a_new_key_at_sign_in(alice: User) -> None:
    client = Client()
    client.get("/accounts/confirm-email/")
    client.session["seen"] = True
    client.session.save()
    before = client.session.session_key
    sign_in(client, alice.email)
    assert client.session.session_key != before


@pytest.mark.django_db(transaction=True)
def test_two_sign_ups_at_once_make_one_account_and_the_same_answer(settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    gate = threading.Barrier(2)
    answers: list[tuple[int, str]] = []

    def sign_up() -> None:
        gate.wait()
        fields = {"email": "mira@example.com", "password1": "a sentence to sign in with"}
        answer = Client().post("/accounts/signup/", fields)
        answers.append((answer.status_code, answer["Location"]))
        connection.close()

    threads = [threading.Thread(target=sign_up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(302, "/accounts/confirm-email/")] * 2
    assert User.objects.filter(email="mira@example.com").count() == 1
