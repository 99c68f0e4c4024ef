"""Passwords: their length, the links that reset them, and the rate of resets."""

import re
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.models import ActivityEvent, User
from accounts.services import password_reset_link
from tests.factories import PASSWORD, make_user
from tests.post_office import PostOffice
from tests.test_access_matrix import MATRIX

NEW = "another long sentence"
PAGES = {
    "account_login",
    "account_signup",
    "account_reauthenticate",
    "account_change_password",
    "accounts:close",
    "admin:password_change",
}
"""The pages with a field for a password; beside them there is the one of a reset link."""
ENDLESS = "x" * 300_000  # three of them are a form that a page still reads
FIELD = re.compile(r"<input[^>]*>")
hashed: list[int] = []


class Noting(MD5PasswordHasher):
    """Notes how long each password was that it was given."""

    def encode(self, password: Any, salt: Any) -> str:
        hashed.append(len(password))
        return str(super().encode(password, salt))


def password_fields(page: str) -> list[str]:
    fields = [field for field in FIELD.findall(page) if 'type="password"' in field]
    return [name[1] for field in fields if (name := re.search(r'name="([^"]+)"', field))]


def client_of(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


def test_no_page_hashes_an_endless_password(alice: User, root: User, settings: Any) -> None:
    people = (None, alice, root)
    settings.PASSWORD_HASHERS = [f"{__name__}.Noting", *settings.PASSWORD_HASHERS]
    hashed.clear()
    found = set()
    for name, entry in MATRIX.items():
        if entry.is_post or entry.values:
            continue
        for person in people:
            client, address = client_of(person), reverse(name)
            page = client.get(address)
            if fields := password_fields(page.content.decode()):
                found.add(name)
                data = dict.fromkeys(fields, ENDLESS)
                emails = {"email": alice.email, "login": alice.email}
                assert client.post(address, data | emails).status_code in {200, 422}, name
    assert found == PAGES
    visitor = Client()
    link = password_reset_link(alice).removeprefix(settings.SITE_URL)
    form = visitor.get(link, follow=True).redirect_chain[-1][0]
    data = {"password1": ENDLESS, "password2": ENDLESS}
    page = visitor.post(form, data)
    assert "A password has at most 4,096 characters." in page.content.decode()
    assert [length for length in hashed if length > User.PASSWORD_LENGTH] == []


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_an_endless_one_is_a_wrong_password_for_everybody(email: str, alice: User) -> None:
    data = {"login": email, "password": ENDLESS}
    page = Client().post("/accounts/login/", data).content.decode()
    assert "E-mail or password is wrong." in page
    assert ActivityEvent.objects.filter(action="sign-in failed", target=email).count() == 1


def test_the_longest_password_works(db: None) -> None:
    longest = "long sentence " * 292 + "the end."
    assert len(longest) == User.PASSWORD_LENGTH
    client = Client()
    client.post("/accounts/signup/", {"email": "mira@example.com", "password1": longest})
    assert User.objects.get().check_password(longest)


# --- Links ---------------------------------------------------------------------------------------


def without_token(page: bytes) -> str:
    return re.sub(r'csrfmiddlewaretoken" value="[^"]+"', "", page.decode())


def test_a_link_of_a_disabled_person_is_like_one_that_never_was(
    bob: User, root: User, settings: Any, post_office: PostOffice
) -> None:
    before = password_reset_link(bob).removeprefix(settings.SITE_URL)
    opened = Client()
    form = opened.get(before, follow=True).redirect_chain[-1][0]
    services.deactivate(user=bob, by=root)
    after = password_reset_link(bob).removeprefix(settings.SITE_URL)
    unknown = Client().get("/accounts/password/reset/key/zzz-abc-def/")
    assert "This link no longer works" in unknown.content.decode()
    post_office.collect()
    answers = [
        Client().get(before, follow=True),
        Client().get(after, follow=True),
        opened.get(form),
        opened.post(form, {"password1": NEW, "password2": NEW}),
    ]
    for answer in answers:
        assert without_token(answer.content) == without_token(unknown.content)
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)
    assert post_office.collect() == []
    assert not bob.activity.filter(action="password reset").exists()


def test_the_link_works_again_once_the_person_is_enabled(
    bob: User, root: User, settings: Any
) -> None:
    link = password_reset_link(bob).removeprefix(settings.SITE_URL)
    services.deactivate(user=bob, by=root)
    services.reactivate(user=bob, by=root)
    visitor = Client()
    form = visitor.get(link, follow=True).redirect_chain[-1][0]
    visitor.post(form, {"password1": NEW, "password2": NEW})
    bob.refresh_from_db()
    assert bob.check_password(NEW)


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_known_and_unknown_addresses_get_as_few_mails_and_the_same_answers(
    email: str, alice: User, post_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five an hour, however many visitors ask, and whatever form of the address they write."""
    clock = {"now": 1_800_000_000.0}
    monkeypatch.setattr("allauth.core.internal.ratelimit.time.time", lambda: clock["now"])
    forms = [email, email.upper(), email.replace("a", "ａ"), email.replace("i", "\u0131")]
    answers = []
    for number in range(12):
        visitor = Client(REMOTE_ADDR=f"192.0.2.{number}")
        answer = visitor.post("/accounts/password/reset/", {"email": forms[number % 4]})
        answers.append(answer.status_code)
        if number == 6:
            clock["now"] += 61
    assert answers == [302] * 5 + [429] * 2 + [302] * 5
    assert [letter["To"] for letter in post_office.collect()] == [email] * 5
    cache.clear()  # an hour later
    Client().post("/accounts/password/reset/", {"email": email})
    assert post_office.one()["To"] == email


# --- The admin's page ----------------------------------------------------------------------------


def change_in_admin(client: Client, old: str = PASSWORD) -> Any:
    data = {"old_password": old, "new_password1": NEW, "new_password2": NEW}
    return client.post("/admin/password_change/", data, follow=True)


def test_a_password_changed_in_the_admin_is_changed_as_on_the_sites_page(
    ada: User, post_office: PostOffice
) -> None:
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.post("/accounts/login/", {"login": ada.email, "password": PASSWORD})
    page = change_in_admin(here)
    assert page.redirect_chain[-1][0] == "/admin/password_change/done/"
    ada.refresh_from_db()
    assert ada.check_password(NEW)
    assert here.get("/accounts/profile/").status_code == 200
    assert elsewhere.get("/accounts/profile/").status_code == 302
    event = ada.activity.latest("id")
    assert (event.action, event.target, event.address) == (
        "password changed",
        ada.email,
        "127.0.0.1",
    )
    assert post_office.one()["Subject"] == "Your password was changed"


def test_a_wrong_old_password_changes_nothing_in_the_admin(ada: User, as_ada: Client) -> None:
    page = change_in_admin(as_ada, "wrong").content.decode()
    assert "This is not your current password." in page
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)
    assert not ada.activity.filter(action="password changed").exists()


def test_old_passwords_are_not_guessed_in_the_admin(as_ada: Client) -> None:
    answers = [change_in_admin(as_ada, f"guess {number}").status_code for number in range(6)]
    assert answers == [200] * 5 + [429]


def test_a_closing_account_asks_for_the_password_only_so_often(as_alice: Client) -> None:
    answers = {as_alice.post("/accounts/close/", {"password": "guess"}).status_code}
    for _ in range(10):
        answers.add(as_alice.post("/accounts/close/", {"password": "guess"}).status_code)
    assert answers == {422, 429}


def test_an_endless_password_is_nobodys(db: None) -> None:
    user = make_user()
    assert not user.check_password(ENDLESS)
