"""Addresses of accounts: look-alikes are one account; a changed address counts once confirmed."""

import unicodedata
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.managers import folded
from accounts.models import ActivityEvent, User
from executions.management.scripting import person
from tests.factories import PASSWORD, make_user
from tests.post_office import PostOffice, link_in

NEW = "a sentence to sign in with"
MODES = pytest.mark.parametrize("mode", ["mandatory", "optional"])
LOOK_ALIKES = (
    "ALICE@EXAMPLE.COM",
    "ａｌｉｃｅ@example.com",
    "al\u0131ce@example.com",
    "AL\u0130CE@example.com",
    "alice@e\u200bxam\u00adple.com",
    "alice＠example．com",
    "alice@example\u3002com",
    "\u2060alice@example.com\ufeff",
    "alice@ｅxample.com",
)


def sign_in(client: Client, email: str, password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password})


def sign_up(email: str) -> Any:
    return Client().post("/accounts/signup/", {"email": email, "password1": NEW})


def change(client: Client, email: str, act: str = "action_add") -> Any:
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client.post("/accounts/email/", {"email": email, act: ""}, follow=True)


# --- Folding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        *((address, "alice@example.com") for address in LOOK_ALIKES),
        ("u\u017fer@example.com", "user@example.com"),
        ("\u212aelvin@example.com", "kelvin@example.com"),
        ("o\ufb03ce@example.com", "office@example.com"),
        (" mira@example.com ", "mira@example.com"),
        ("mira@BU\u0308CHER.example", "mira@b\u00fccher.example"),
        ("first.last+tag@example.com", "first.last+tag@example.com"),
    ],
    ids=ascii,
)
def test_what_looks_alike_is_stored_alike(written: str, stored: str) -> None:
    assert folded(written) == stored


@given(st.text())
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    once = folded(text)
    assert folded(once) == once
    assert unicodedata.normalize("NFKC", once.lower()) == once


@pytest.mark.parametrize("address", [*LOOK_ALIKES[:4], "u\u017fer@example.com"], ids=ascii)
def test_the_database_keeps_no_address_in_another_form(address: str, db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email=address)


@pytest.mark.parametrize("address", LOOK_ALIKES, ids=ascii)
@MODES
def test_a_look_alike_makes_no_second_account(
    mode: str, address: str, alice: User, settings: Any
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = mode
    answer = sign_up(address)
    assert answer.status_code == (302 if mode == "mandatory" else 200)
    assert list(User.objects.all()) == [alice]


@pytest.mark.parametrize("address", LOOK_ALIKES, ids=ascii)
def test_whatever_form_somebody_signs_up_with_they_sign_in_and_reset_with_every_other(
    address: str, post_office: PostOffice, settings: Any, db: None
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    sign_up(address)
    letter = post_office.one()
    assert letter["To"] == "alice@example.com"
    Client().post(link_in(letter))
    for other in LOOK_ALIKES[:4]:
        assert sign_in(Client(), other, NEW)["Location"] == "/"
    assert User.objects.get().email == EmailAddress.objects.get().email == "alice@example.com"
    Client().post("/accounts/password/reset/", {"email": LOOK_ALIKES[2]})
    letter = post_office.one()
    assert (letter["To"], letter["Subject"]) == ("alice@example.com", "Reset your password")


def test_failures_with_look_alikes_pause_the_one_account(alice: User) -> None:
    for address in LOOK_ALIKES[:5]:
        assert sign_in(Client(), address, "wrong").status_code == 200
    assert sign_in(Client(), alice.email).status_code == 200
    failures = ActivityEvent.objects.filter(action="sign-in failed", actor=alice)
    assert {event.target for event in failures} == {alice.email}


def test_a_change_to_a_look_alike_of_ones_own_address_is_none(as_alice: Client) -> None:
    page = change(as_alice, "al\u0131ce@example.com").content.decode()
    assert "This is already your address." in page


def test_commands_take_an_address_in_any_form(alice: User) -> None:
    assert person("ａlice@EXAMPLE.com") == alice
    assert User.objects.get_by_natural_key("AL\u0130CE@example.com") == alice
    call_command("createsuperuser", email="RO\u0130@example.com", interactive=False)
    assert User.objects.get(is_superuser=True).email == "roi@example.com"


def test_an_address_too_long_for_the_record_is_refused_whole(settings: Any, db: None) -> None:
    page = sign_up(f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}.com").content.decode()
    assert "at most 254 characters" in page
    assert not User.objects.exists()


# --- Changing ------------------------------------------------------------------------------------


def unconfirmed(email: str) -> tuple[Client, User]:
    """Somebody who signed in without having confirmed their address."""
    user, client = make_user(email), Client()
    EmailAddress.objects.filter(user=user).update(verified=False)
    client.force_login(user)
    return client, user


@MODES
def test_an_unconfirmed_address_stays_until_the_new_one_is_confirmed(
    mode: str, settings: Any, post_office: PostOffice, db: None
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = mode
    people = [unconfirmed(f"person{number}@example.com") for number in range(2)]
    for number, (client, user) in enumerate(people):
        page = change(client, f"new{number}@example.com").content.decode()
        assert f"You sign in with <strong>{user.email}</strong>" in page
        assert f"new{number}@example.com is not confirmed yet" in page
        user.refresh_from_db()
        assert user.email == f"person{number}@example.com"
        own = EmailAddress.objects.filter(user=user, primary=True)
        assert [address.email for address in own] == [user.email]
    letters = {letter["To"]: letter for letter in post_office.collect()}
    people[0][0].post(link_in(letters["new0@example.com"]))
    people[0][1].refresh_from_db()
    assert people[0][1].email == "new0@example.com"
    told = post_office.one()
    assert (told["To"], told["Subject"]) == (
        "person0@example.com",
        "Your e-mail address was changed",
    )
    assert sign_in(Client(), "new0@example.com")["Location"] == "/"


@MODES
def test_a_change_to_somebody_elses_address_changes_nothing_for_anybody(
    mode: str, settings: Any, bob: User
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = mode
    for number in range(3):
        client, user = unconfirmed(f"person{number}@example.com")
        assert change(client, bob.email).status_code == 200
        for act in ("action_primary", "action_send", "action_remove"):
            assert change(client, bob.email, act).status_code == 200
            user.refresh_from_db()
            assert user.email == f"person{number}@example.com"
        assert client.get("/accounts/profile/").status_code == 200
    assert sign_in(Client(), bob.email)["Location"] == "/"


def test_one_does_not_become_the_owner_of_an_address_by_asking(
    as_alice: Client, alice: User
) -> None:
    change(as_alice, "new@example.com")
    for act in ("action_primary", "action_remove"):
        change(as_alice, alice.email, act)
    change(as_alice, "new@example.com", "action_primary")
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    assert EmailAddress.objects.get(user=alice, primary=True).email == alice.email


def test_a_change_can_be_given_up_and_asked_for_again(
    as_alice: Client, alice: User, post_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(as_alice, "typo@example.com")
    old = next(letter for letter in post_office.collect() if letter["To"] == "typo@example.com")
    change(as_alice, "new@example.com")
    assert "no longer works" in as_alice.get(link_in(old)).content.decode()
    assert change(as_alice, "new@example.com").status_code == 200
    page = change(as_alice, "new@example.com", "action_remove").content.decode()
    assert "not confirmed yet" not in page
    assert [address.email for address in EmailAddress.objects.filter(user=alice)] == [alice.email]


def test_confirming_the_first_address_keeps_the_change_that_is_under_way(
    post_office: PostOffice, db: None
) -> None:
    client, user = unconfirmed("mira@example.com")
    change(client, "new@example.com")
    change(client, "mira@example.com", "action_send")
    letters = [letter for letter in post_office.collect() if letter["To"] == "mira@example.com"]
    confirmation = next(letter for letter in letters if "onfirm" in letter["Subject"])
    client.post(link_in(confirmation))
    own = EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary")
    assert set(own) == {("mira@example.com", True, True), ("new@example.com", False, False)}
    assert post_office.collect() == []


def test_an_address_that_was_taken_meanwhile_is_not_confirmed(
    as_alice: Client, alice: User, post_office: PostOffice
) -> None:
    change(as_alice, "new@example.com")
    letters = {letter["To"]: letter for letter in post_office.collect()}
    make_user("new@example.com")
    page = as_alice.post(link_in(letters["new@example.com"]), follow=True).content.decode()
    assert "already in use" in page
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


@MODES
def test_who_asks_to_change_to_an_address_does_not_keep_it_from_its_owner(
    mode: str, as_alice: Client, alice: User, settings: Any, post_office: PostOffice
) -> None:
    """Neither sign-up nor a reset of the new owner leads to the account of who asked."""
    settings.ACCOUNT_EMAIL_VERIFICATION = mode
    change(as_alice, "mira@example.com")
    post_office.collect()
    Client().post("/accounts/password/reset/", {"email": "mira@example.com"})
    assert post_office.one()["Subject"] == "There is no account with this address"
    sign_up("mira@example.com")
    assert User.objects.filter(email="mira@example.com").count() == 1
    own = EmailAddress.objects.get(email="mira@example.com")
    assert (own.user.email, own.primary) == ("mira@example.com", True)
