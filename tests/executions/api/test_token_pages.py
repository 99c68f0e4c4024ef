"""The pages of tokens: a secret is shown once, and each person has their own."""

import re

from django.test import Client

from accounts.models import ApiToken, User
from accounts.tokens.services import PREFIX, accepted, make_service_account, make_token
from models_registry.models import ModelVersion
from tests.factories import make_model

PAGE = "/accounts/tokens/"
ASKED = {"name": "Laptop", "scopes": ["predict", "read"], "days": "30"}


def secret_on(page: str) -> str:
    found = re.search(rf"{PREFIX}[\w-]{{30,}}", page)
    return found[0] if found else ""


def test_a_person_makes_a_token_and_sees_its_secret_once(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    slug = active_version.model.slug
    made = as_alice.post(PAGE, ASKED | {"only_models": [slug]})

    token = accepted(secret_on(made.content.decode()))
    assert token is not None
    assert (token.user, token.scopes, token.only_models) == (alice, ["predict", "read"], [slug])
    assert "no-store" in made["Cache-Control"]
    page = as_alice.get(PAGE).content.decode()
    assert "Laptop" in page
    assert secret_on(page) == ""


def test_a_token_without_a_name_or_a_right_is_not_made(as_alice: Client) -> None:
    answer = as_alice.post(PAGE, {"days": "30"})

    assert answer.status_code == 422
    assert "Choose what the token may do." in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_only_admins_are_offered_tokens_that_publish(
    as_alice: Client, as_ada: Client, ada: User
) -> None:
    never_live = make_model()
    asked = ASKED | {"scopes": ["publish"], "only_models": [never_live.slug]}

    assert "Publish:" not in as_alice.get(PAGE).content.decode()
    assert as_alice.post(PAGE, asked).status_code == 422
    assert "Publish:" in as_ada.get(PAGE).content.decode()
    as_ada.post(PAGE, asked)
    token = ApiToken.objects.get()
    assert (token.user, token.scopes, token.only_models) == (ada, ["publish"], [never_live.slug])


def test_a_person_revokes_a_token(as_alice: Client, alice: User) -> None:
    token, secret = make_token(user=alice, name="Laptop", scopes=["read"], by=alice)

    answer = as_alice.post(f"{PAGE}{token.pk}/revoke/", follow=True)

    assert "is revoked" in answer.content.decode()
    assert accepted(secret) is None


def test_nobody_revokes_the_token_of_another_person(as_alice: Client, bob: User) -> None:
    token, secret = make_token(user=bob, name="Laptop", scopes=["read"], by=bob)

    assert as_alice.post(f"{PAGE}{token.pk}/revoke/").status_code == 404
    assert accepted(secret) == token


def test_a_superuser_makes_a_service_account_and_its_token(client: Client, root: User) -> None:
    client.force_login(root)

    made = client.post("/admin/accounts/apitoken/service/", {"name": "Nightly scoring"})
    account = User.objects.get(is_service=True)
    assert made["Location"] == f"/admin/accounts/apitoken/service/{account.pk}/"
    page = client.post(made["Location"], ASKED).content.decode()

    token = accepted(secret_on(page))
    assert token is not None
    assert token.user == account
    again = client.post("/admin/accounts/apitoken/service/", {"name": "Nightly scoring"})
    assert "A service account of this name exists." in again.content.decode()


def test_a_superuser_revokes_any_token(client: Client, root: User) -> None:
    account = make_service_account(name="Nightly scoring", by=root)
    token, secret = make_token(user=account, name="Cron", scopes=["read"], by=root)
    client.force_login(root)

    page = client.get(f"/admin/accounts/apitoken/{token.pk}/change/").content.decode()
    assert token.digest not in page
    client.post(f"/admin/accounts/apitoken/{token.pk}/revoke/")
    assert accepted(secret) is None
