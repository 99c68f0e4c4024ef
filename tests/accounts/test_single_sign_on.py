"""Single sign-on with a real OpenID provider over HTTP: who comes in, as what, and who does not."""

import base64
import hashlib
import json
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.utils import timezone
from werkzeug.wrappers import Response

from accounts.activity_words import sentence
from accounts.errors import (
    LastSuperuser,
    PasswordNotTaken,
    ProofNeeded,
    SignOnStale,
)
from accounts.invitations.services import accept, invite, revoke
from accounts.models import ActivityEvent, Invitation, Scope, User
from accounts.privacy import erasure, own_account, personal_data
from accounts.single_sign_on import services
from accounts.single_sign_on.claims import Claims
from accounts.tokens.services import make_token
from tests.accounts.test_sign_in import digits
from tests.clocks import stand_still, until
from tests.config.test_environment import ask
from tests.factories import PASSWORD, make_user
from tests.open_id_provider import (
    DISCOVERY,
    TOKEN,
    USERINFO,
    OpenIdProvider,
    parameters,
    running,
    switched_on,
)
from tests.post_office import PostOffice, body
from tests.test_settings import REQUIRED

MIRA: dict[str, Any] = {
    "email": "mira@example.com",
    "email_verified": True,
    "name": "Mira Kovač",
    "groups": ["plumbline", "Credit team"],
}
ISSUER = {
    "OIDC_ISSUER": "https://sso.example.org/realms/staff",
    "OIDC_CLIENT_ID": "plumbline",
    "OIDC_CLIENT_SECRET": "secret",
}


@pytest.fixture
def provider(settings: Any, db: None) -> Iterator[OpenIdProvider]:
    with switched_on(settings) as one:
        one.knows("mira", **MIRA)
        yield one


def begin(client: Client, query: str = "") -> str:
    answer = client.get(f"/accounts/oidc/begin/{query}")
    assert answer.status_code == 302, words(answer)
    return str(answer["location"])


def back(client: Client, address: str) -> Any:
    """Follow the provider's redirect to the site."""
    parts = urlsplit(address)
    assert parts.path == "/accounts/oidc/callback/"
    return client.get(f"{parts.path}?{parts.query}")


def sign_in(provider: OpenIdProvider, client: Client, subject: str = "mira", **changed: str) -> Any:
    return back(client, provider.lets_in(begin(client), subject, **changed))


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def signed_in(client: Client) -> User | None:
    key = client.session.get("_auth_user_id")
    return User.objects.get(pk=key) if key else None


def groups_of(user: User) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


def said(action: str) -> list[str]:
    return [sentence(event) for event in ActivityEvent.objects.filter(action=action)]


def refused(answer: Any, sentence: str, status: int = 403) -> None:
    assert (answer.status_code, sentence in words(answer)) == (status, True), words(answer)
    assert signed_in(answer.client) is None


# --- Coming in ------------------------------------------------------------------------------------


def test_the_first_sign_in_makes_an_account_although_registration_is_closed(
    provider: OpenIdProvider, client: Client, settings: Any
) -> None:
    settings.REGISTRATION = "closed"
    answer = sign_in(provider, client)
    assert (answer.status_code, answer["location"]) == (302, "/")
    user = signed_in(client)
    assert user is not None
    assert (user.email, user.name, user.role) == ("mira@example.com", "Mira Kovač", "user")
    assert not user.has_usable_password()
    assert groups_of(user) == {"plumbline", "Credit team"}
    assert EmailAddress.objects.get(user=user).verified


def test_the_second_sign_in_finds_the_account_although_its_address_changed(
    provider: OpenIdProvider, client: Client
) -> None:
    sign_in(provider, client)
    provider.knows("mira", **MIRA | {"email": "mira.kovac@example.com", "email_verified": False})
    other = Client()
    sign_in(provider, other)
    assert signed_in(other) == signed_in(client)
    assert User.objects.count() == 1


def test_groups_are_those_of_the_provider_at_each_sign_in(
    provider: OpenIdProvider, client: Client
) -> None:
    Group.objects.create(name="credit TEAM")
    sign_in(provider, client)
    user = signed_in(client)
    assert user is not None
    assert groups_of(user) == {"plumbline", "credit TEAM"}
    provider.knows("mira", **MIRA | {"groups": ["plumbline", "Auditors"]})
    sign_in(provider, client)
    assert groups_of(user) == {"plumbline", "Auditors"}
    left = ActivityEvent.objects.get(action="group left")
    assert (left.actor, left.before, left.after) == (
        None,
        {"group": "credit TEAM"},
        {"through": "Example Corp"},
    )


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["plumbline"], "user"),
        (["plumbline", "plumbline admins"], "admin"),
        (["plumbline", "plumbline superusers"], "superuser"),
    ],
)
def test_a_group_gives_the_role_and_its_loss_takes_it(
    provider: OpenIdProvider, client: Client, root: User, groups: list[str], role: str
) -> None:
    provider.knows("mira", **MIRA | {"groups": groups})
    sign_in(provider, client)
    user = signed_in(client)
    assert user is not None
    assert user.role == role
    provider.knows("mira", **MIRA)
    sign_in(provider, client)
    user.refresh_from_db()
    assert user.role == "user"


def test_a_role_whose_group_is_not_set_is_the_superusers_to_give(
    provider: OpenIdProvider, client: Client, settings: Any
) -> None:
    settings.OIDC_ADMIN_GROUP = settings.OIDC_SUPERUSER_GROUP = ""
    sign_in(provider, client)
    User.objects.update(is_staff=True)
    sign_in(provider, client)
    assert User.objects.get().role == "admin"
    User.objects.update(is_superuser=True)
    sign_in(provider, client)
    assert User.objects.get().role == "superuser"


def test_the_last_active_superuser_stays_one(provider: OpenIdProvider, client: Client) -> None:
    provider.knows("mira", **MIRA | {"groups": ["plumbline", "plumbline superusers"]})
    sign_in(provider, client)
    provider.knows("mira", **MIRA)
    sign_in(provider, client)
    user = signed_in(client)
    assert user is not None
    assert user.role == "superuser"
    assert said("last superuser kept") == ["Left mira@example.com a superuser, as the last one"]
    with pytest.raises(LastSuperuser):
        own_account.close_account(user=user)


def test_the_loss_of_the_admin_group_makes_no_superuser_less(
    provider: OpenIdProvider, client: Client, settings: Any
) -> None:
    settings.OIDC_SUPERUSER_GROUP = ""
    provider.knows("mira", **MIRA | {"groups": ["plumbline", "plumbline admins"]})
    sign_in(provider, client)
    User.objects.update(is_superuser=True)
    provider.knows("mira", **MIRA)
    sign_in(provider, client)
    assert User.objects.get().role == "superuser"


def test_a_page_asked_for_before_is_shown_after_and_no_other_site(
    provider: OpenIdProvider, client: Client
) -> None:
    own = provider.lets_in(begin(client, "?next=/presets/"), "mira")
    assert back(client, own)["location"] == "/presets/"
    other = provider.lets_in(begin(client, "?next=https://evil.example/"), "mira")
    assert back(client, other)["location"] == "/"


def test_the_session_ends_after_half_a_day_so_that_the_provider_is_asked_again(
    provider: OpenIdProvider, client: Client, settings: Any
) -> None:
    sign_in(provider, client)
    assert 0 < client.session.get_expiry_age() <= settings.OIDC_SESSION.total_seconds()


# --- The protocol ---------------------------------------------------------------------------------


def test_the_code_is_bound_to_the_browser_by_pkce_a_state_and_a_nonce(
    provider: OpenIdProvider, client: Client
) -> None:
    address = begin(client, "?scope=offline_access&auth_params=nonce%3Dmine")
    sent = parameters(address)
    assert (sent["response_type"], sent["code_challenge_method"]) == ("code", "S256")
    assert set(sent["scope"].split()) == {"openid", "profile", "email"}
    assert sent["redirect_uri"].endswith("/accounts/oidc/callback/")
    back(client, provider.lets_in(address, "mira"))
    (asked,) = provider.asked
    digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
    assert sent["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert sent["nonce"] not in ("mine", parameters(begin(client))["nonce"])


def test_an_answer_with_another_nonce_is_refused(provider: OpenIdProvider, client: Client) -> None:
    refused(sign_in(provider, client, nonce="of somebody else"), "Begin again", 400)
    assert not User.objects.exists()


def test_an_answer_to_another_browser_is_refused(provider: OpenIdProvider, client: Client) -> None:
    address = provider.lets_in(begin(client), "mira")
    refused(back(Client(), address), "begun in another browser", 400)


def test_an_answer_is_taken_once(provider: OpenIdProvider, client: Client) -> None:
    address = provider.lets_in(begin(client), "mira")
    back(client, address)
    client.post("/accounts/logout/")
    refused(back(client, address), "was used already", 400)


@pytest.mark.parametrize(
    ("error", "said", "status"),
    [
        ("access_denied", "The sign-in was cancelled", 403),
        ("server_error", "ended the sign-in with an error", 502),
    ],
)
def test_a_sign_in_that_ends_at_the_provider_is_a_sentence(
    provider: OpenIdProvider, client: Client, error: str, said: str, status: int
) -> None:
    state = parameters(begin(client))["state"]
    refused(client.get(f"/accounts/oidc/callback/?error={error}&state={state}"), said, status)


NONSENSE: list[tuple[str, object]] = [
    (DISCOVERY, "<html>Welcome to the portal</html>"),
    (DISCOVERY, []),
    (DISCOVERY, {}),
    (TOKEN, "nothing"),
    (TOKEN, []),
    (TOKEN, "access_token"),
    (TOKEN, {"access_token": "x"}),
    (TOKEN, {"access_token": "x", "id_token": 1, "expires_in": "soon"}),
    (TOKEN, {"access_token": "x", "id_token": "a.b.c", "expires_in": 10**30}),
    (USERINFO, []),
    (USERINFO, "nobody"),
    (USERINFO, {"sub": "somebody else", "email": "root@example.com"}),
    (USERINFO, {"sub": None}),
]


@pytest.mark.parametrize(("path", "answer"), NONSENSE)
def test_an_answer_that_makes_no_sense_is_a_sentence(
    provider: OpenIdProvider, client: Client, path: str, answer: object
) -> None:
    if path != DISCOVERY:
        address = provider.lets_in(begin(client), "mira")
        provider.says(path, answer)
        shown = back(client, address)
    else:
        provider.says(path, answer)
        shown = client.get("/accounts/oidc/begin/")
    refused(shown, "gave an answer that this site cannot use", 502)
    assert not User.objects.exists()


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint"])
def test_an_endpoint_that_others_could_listen_to_is_refused(
    provider: OpenIdProvider, client: Client, endpoint: str
) -> None:
    provider.says_also(DISCOVERY, **{endpoint: "http://sso.example.org/oauth2"})
    refused(client.get("/accounts/oidc/begin/"), "cannot use", 502)


def test_the_provider_cannot_lead_the_secret_elsewhere(
    provider: OpenIdProvider, client: Client
) -> None:
    address = provider.lets_in(begin(client), "mira")
    with running() as other:
        provider.instead[TOKEN] = lambda _: Response(
            "", 307, headers={"location": f"{other.url}{TOKEN}"}
        )
        refused(back(client, address), "cannot use", 502)
        assert other.asked == []


def test_another_issuer_is_refused(provider: OpenIdProvider, client: Client) -> None:
    provider.says_also(DISCOVERY, issuer="https://sso.example.net")
    refused(client.get("/accounts/oidc/begin/"), "in the name of another one", 502)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://sso.example.net"},
        {"aud": "another site"},
        {"azp": "another site"},
        {"exp": 1},
        {"sub": "somebody else"},
    ],
)
def test_a_token_for_somebody_else_is_refused(
    provider: OpenIdProvider, client: Client, changed: dict[str, object]
) -> None:
    address = provider.lets_in(begin(client), "mira")
    provider.says_in_token(**changed)
    refused(back(client, address), "cannot use", 502)
    assert not User.objects.exists()


@pytest.mark.parametrize("nonce", [None, "", 7, "of somebody else"])
def test_a_token_with_another_nonce_or_none_is_refused(
    provider: OpenIdProvider, client: Client, nonce: object
) -> None:
    address = provider.lets_in(begin(client), "mira")
    provider.says_in_token(nonce=nonce)
    refused(back(client, address), "Begin again", 400)


@pytest.mark.parametrize("status", [500, 503])
def test_a_provider_that_is_down_is_a_sentence(
    provider: OpenIdProvider, client: Client, status: int
) -> None:
    provider.says(DISCOVERY, "away", status)
    refused(client.get("/accounts/oidc/begin/"), "does not answer", 503)


def test_a_provider_that_nobody_reaches_is_a_sentence(
    client: Client, settings: Any, db: None
) -> None:
    with running() as one:
        settings.OIDC_ISSUER = one.url
    refused(client.get("/accounts/oidc/begin/"), "does not answer", 503)


def test_what_went_wrong_is_logged_without_tokens(
    provider: OpenIdProvider, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    address = provider.lets_in(begin(client), "mira")
    secret = "a token that nobody may see"
    provider.says(TOKEN, {"error": secret, "access": secret})
    with caplog.at_level(logging.DEBUG):
        back(client, address)
    assert "single sign-on refused: reason=ProviderNotUnderstood cause=OAuth2Error" in caplog.text
    kept = json.dumps(list(ActivityEvent.objects.values("action", "target", "before", "after")))
    for hidden in (secret, parameters(address)["code"], "a secret of the client"):
        assert hidden not in caplog.text + kept
    assert said("single sign-on failed") == ["The single sign-on with Example Corp failed"]


# --- Who does not come in -------------------------------------------------------------------------


def test_a_missing_claim_of_groups_is_a_sentence(provider: OpenIdProvider, client: Client) -> None:
    provider.knows("mira", **{name: MIRA[name] for name in ("email", "email_verified")})
    refused(sign_in(provider, client), "did not say which groups you belong to", 502)
    assert not User.objects.exists()


def test_without_groups_of_its_own_settings_a_missing_claim_changes_no_group(
    provider: OpenIdProvider, client: Client, settings: Any
) -> None:
    sign_in(provider, client)
    for name in ("REQUIRED", "ADMIN", "SUPERUSER"):
        setattr(settings, f"OIDC_{name}_GROUP", "")
    provider.knows("mira", **{name: MIRA[name] for name in ("email", "email_verified")})
    sign_in(provider, client)
    user = signed_in(client)
    assert user is not None
    assert groups_of(user) == {"plumbline", "Credit team"}


@pytest.mark.parametrize("groups", [{"a": 1}, 7, [1, 2], [["plumbline"]]])
def test_groups_that_are_no_names_are_a_sentence(
    provider: OpenIdProvider, client: Client, groups: object
) -> None:
    provider.knows("mira", **MIRA | {"groups": groups})
    refused(sign_in(provider, client), "cannot use", 502)


@pytest.mark.parametrize("email", [None, "", "mira", 7, ["mira@example.com"]])
def test_a_missing_address_is_a_sentence(
    provider: OpenIdProvider, client: Client, email: object
) -> None:
    provider.knows("mira", **MIRA | {"email": email})
    refused(sign_in(provider, client), "did not say your e-mail address", 502)


@pytest.mark.parametrize("verified", [None, False, "false", 1])
def test_an_unverified_address_makes_no_account(
    provider: OpenIdProvider, client: Client, verified: object
) -> None:
    provider.knows("mira", **MIRA | {"email_verified": verified})
    refused(sign_in(provider, client), "does not confirm that your e-mail address is yours")
    assert not User.objects.exists()


def test_an_unverified_address_is_taken_where_the_operator_trusts_the_provider(
    provider: OpenIdProvider, client: Client, settings: Any
) -> None:
    settings.OIDC_TRUST_EMAIL = True
    provider.knows("mira", **MIRA | {"email_verified": None})
    sign_in(provider, client)
    assert signed_in(client) == User.objects.get(email="mira@example.com")


def test_whoever_is_not_in_the_required_group_does_not_come_in(
    provider: OpenIdProvider, client: Client
) -> None:
    provider.knows("mira", **MIRA | {"groups": ["Credit team"]})
    refused(sign_in(provider, client), "does not belong to the group that may come in")
    assert not User.objects.exists()
    assert said("single sign-on refused") == ["Refused mira@example.com at the single sign-on"]


def test_leaving_the_required_group_ends_sessions_and_tokens(
    provider: OpenIdProvider, client: Client
) -> None:
    sign_in(provider, client)
    user = signed_in(client)
    assert user is not None
    client.get("/")
    token, _ = make_token(user=user, name="notebook", scopes=[Scope.PREDICT], by=user)
    provider.knows("mira", **MIRA | {"groups": []})
    refused(sign_in(provider, Client()), "does not belong to the group")
    assert client.get("/")["location"].startswith("/accounts/login/")
    assert not UserSession.objects.filter(user=user).exists()
    token.refresh_from_db()
    assert token.status == "revoked"


def test_leaving_the_required_group_ends_the_very_session_that_asked(
    provider: OpenIdProvider, client: Client
) -> None:
    sign_in(provider, client)
    client.get("/")
    provider.knows("mira", **MIRA | {"groups": []})
    refused(sign_in(provider, client), "does not belong to the group")


def test_somebody_without_a_password_chooses_one_to_close_the_account(
    provider: OpenIdProvider, client: Client
) -> None:
    sign_in(provider, client)
    assert 'href="/accounts/password/set/"' in client.get("/accounts/close/").content.decode()
    assert client.get("/accounts/password/set/").status_code == 200


def test_a_disabled_person_does_not_come_in(provider: OpenIdProvider, client: Client) -> None:
    sign_in(provider, client)
    User.objects.update(is_active=False)
    other = Client()
    assert sign_in(provider, other)["location"] == "/accounts/inactive/"
    assert signed_in(other) is None


def test_a_second_factor_of_this_site_is_asked_for_after_the_provider(
    provider: OpenIdProvider, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(provider, client)
    user = signed_in(client)
    assert user is not None
    stand_still(monkeypatch, "allauth.mfa.totp.internal.auth")
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    other = Client()
    answer = sign_in(provider, other)
    assert answer["location"] == "/accounts/2fa/authenticate/"
    assert signed_in(other) is None
    assert other.post(answer.url, {"code": digits(secret)})["location"] == "/"
    assert signed_in(other) == user
    assert other.session.get_expiry_age() <= settings.OIDC_SESSION.total_seconds()


@pytest.mark.django_db(transaction=True)
def test_two_first_sign_ins_at_once_make_one_account(settings: Any) -> None:
    settings.OIDC_ISSUER = "https://sso.example.org"
    claims = Claims("mira", "mira@example.com", True, "Mira", ("Credit team", "Auditors"))
    gate = threading.Barrier(2)
    answers: list[str] = []

    def enter() -> None:
        gate.wait()
        try:
            answers.append(services.enter(claims).email)
        except SignOnStale:
            answers.append("begin again")
        connection.close()

    threads = [threading.Thread(target=enter) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {"mira@example.com", "begin again"}
    assert "mira@example.com" in answers
    assert groups_of(User.objects.get()) == {"Credit team", "Auditors"}


@pytest.mark.django_db(transaction=True)
def test_two_superusers_who_lose_the_group_at_once_leave_one(settings: Any) -> None:
    settings.OIDC_ISSUER = "https://sso.example.org"
    settings.OIDC_SUPERUSER_GROUP = "roots"
    for name in ("one", "two"):
        user = make_user(f"{name}@example.com", is_staff=True, is_superuser=True)
        SocialAccount.objects.create(provider=settings.OIDC_ISSUER, uid=name, user=user)
    gate = threading.Barrier(2)

    def enter(name: str) -> None:
        gate.wait()
        services.enter(Claims(name, f"{name}@example.com", True, "", ()))
        connection.close()

    threads = [threading.Thread(target=enter, args=[name]) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.superusers().count() == 1


# --- Linking --------------------------------------------------------------------------------------


def test_an_account_is_linked_after_its_password_was_given_once(
    provider: OpenIdProvider, client: Client
) -> None:
    mira = make_user("mira@example.com")
    answer = sign_in(provider, client)
    assert answer["location"] == "/accounts/oidc/link/"
    assert "There is an account for mira@example.com already" in words(client.get(answer.url))
    assert signed_in(client) is None
    done = client.post(answer.url, {"password": PASSWORD})
    assert (done.status_code, done["location"]) == (302, "/")
    assert signed_in(client) == mira
    assert groups_of(mira) == {"plumbline", "Credit team"}
    other = Client()
    sign_in(provider, other)
    assert signed_in(other) == mira


def test_a_wrong_password_links_nothing_and_counts_as_a_failed_sign_in(
    provider: OpenIdProvider, client: Client
) -> None:
    make_user("mira@example.com")
    answer = sign_in(provider, client)
    for _ in range(6):
        shown = client.post(answer.url, {"password": "a wrong sentence"})
        assert shown.status_code == 422
    assert client.post(answer.url, {"password": PASSWORD}).status_code == 422  # a pause
    assert signed_in(client) is None
    assert not SocialAccount.objects.exists()
    assert said("sign-in failed")


def test_an_unverified_address_is_not_linked(provider: OpenIdProvider, client: Client) -> None:
    make_user("mira@example.com")
    provider.knows("mira", **MIRA | {"email_verified": False})
    refused(sign_in(provider, client), "does not confirm")


def test_trust_links_a_confirmed_account_at_once(
    provider: OpenIdProvider, client: Client, settings: Any
) -> None:
    settings.OIDC_TRUST_EMAIL = True
    mira = make_user("mira@example.com")
    sign_in(provider, client)
    assert signed_in(client) == mira


@pytest.mark.parametrize("kind", ["superuser", "unconfirmed"])
def test_trust_links_neither_a_superuser_nor_an_account_that_somebody_else_may_have_made(
    provider: OpenIdProvider, client: Client, settings: Any, kind: str
) -> None:
    settings.OIDC_TRUST_EMAIL = True
    is_root = kind == "superuser"
    mira = make_user("mira@example.com", is_staff=is_root, is_superuser=is_root)
    if not is_root:
        EmailAddress.objects.filter(user=mira).update(verified=False)
    assert sign_in(provider, client)["location"] == "/accounts/oidc/link/"
    mira.refresh_from_db()
    assert (mira.is_superuser, groups_of(mira)) == (is_root, set())


def test_a_second_person_with_the_address_of_a_linked_account_is_refused(
    provider: OpenIdProvider, client: Client, settings: Any
) -> None:
    settings.OIDC_TRUST_EMAIL = True
    sign_in(provider, client)
    provider.knows("mira2", **MIRA)
    refused(sign_in(provider, Client(), "mira2"), "belongs to another company account")


def test_a_superuser_unlinks_an_account(
    provider: OpenIdProvider, client: Client, root: User
) -> None:
    sign_in(provider, client)
    user = signed_in(client)
    assert user is not None
    admin = Client()
    admin.force_login(root)
    page = f"/admin/accounts/user/{user.pk}/"
    assert "Linked: role and groups follow it" in words(admin.get(f"{page}change/"))
    admin.post(f"{page}act/unlink/")
    assert "Not linked" in words(admin.get(f"{page}change/"))
    assert client.get("/").status_code == 302


def test_the_link_is_in_the_persons_data_and_goes_with_the_account(
    provider: OpenIdProvider, client: Client, root: User
) -> None:
    sign_in(provider, client)
    user = signed_in(client)
    assert user is not None
    (row,) = personal_data.everything(user)["company_accounts"]
    assert row["uid"] == "mira"
    own_account.close_account(user=user)
    erasure.anonymise(user.pk)
    assert not SocialAccount.objects.exists()


# --- Invitations ----------------------------------------------------------------------------------

ADDRESS = {"email": "mira@example.com", "email_verified": True}
"""What a provider says that names no groups."""


def invited(root: User, role: str = "user", *groups: str) -> tuple[Invitation, str]:
    """Invite mira; return the invitation and the path of its link."""
    (link,) = invite(
        names={"mira@example.com": ""},
        role=role,
        groups=[Group.objects.get_or_create(name=name)[0] for name in groups],
        by=root,
    )
    return link.invitation, urlsplit(link.url).path


def deciding(settings: Any, *kinds: str) -> None:
    """Let the provider decide by these groups alone: "REQUIRED", "ADMIN", "SUPERUSER"."""
    for kind in {"REQUIRED", "ADMIN", "SUPERUSER"} - {*kinds}:
        setattr(settings, f"OIDC_{kind}_GROUP", "")


def through_link(provider: OpenIdProvider, client: Client, path: str) -> Any:
    """Press the button of an invitation's page, sign in there, and come back to that page."""
    (button,) = re.findall(r'href="(/accounts/oidc/begin/[^"]*)"', words_of_page(client, path))
    answer = back(client, provider.lets_in(begin(client, button.partition("begin/")[2]), "mira"))
    assert (answer.status_code, answer["location"]) == (302, path)
    return client.get(path, follow=True)


def words_of_page(client: Client, path: str) -> str:
    return client.get(path).content.decode()


@pytest.mark.parametrize("mode", ["closed", "invited"])
def test_without_passwords_a_link_leads_to_the_provider_and_gives_what_was_invited(
    provider: OpenIdProvider, client: Client, settings: Any, root: User, mode: str
) -> None:
    settings.PASSWORD_SIGN_IN, settings.REGISTRATION = False, mode
    deciding(settings)
    provider.knows("mira", **ADDRESS)
    invitation, path = invited(root, "admin", "Credit team")
    page = words_of_page(client, path)
    assert 'name="password1"' not in page
    assert "Sign in with Example Corp as mira@example.com, and your account is ready." in page
    home = through_link(provider, client, path)
    assert "Your account is ready." in words(home)
    user = signed_in(client)
    assert user is not None
    assert (user.role, groups_of(user), user.has_usable_password()) == (
        "admin",
        {"Credit team"},
        False,
    )
    invitation.refresh_from_db()
    assert (invitation.status, invitation.used_by) == ("used", user)
    accepted = ActivityEvent.objects.get(action="invitation accepted")
    assert accepted.after == {"invited_by": root.email, "through": "Example Corp"}


def test_without_passwords_no_password_is_taken_at_a_link(
    provider: OpenIdProvider, client: Client, settings: Any, root: User
) -> None:
    settings.PASSWORD_SIGN_IN, settings.REGISTRATION = False, "closed"
    invitation, path = invited(root, "admin")
    answer = client.post(path, {"password1": PASSWORD})
    assert answer.status_code == 403
    with pytest.raises(PasswordNotTaken):
        accept(invitation=invitation, name="", password=PASSWORD)
    assert not User.objects.filter(email="mira@example.com").exists()
    invitation.refresh_from_db()
    assert invitation.status == "open"


def test_without_passwords_an_invited_superuser_may_choose_one(
    provider: OpenIdProvider, client: Client, settings: Any, root: User
) -> None:
    settings.PASSWORD_SIGN_IN, settings.REGISTRATION = False, "closed"
    _, path = invited(root, "superuser")
    page = words_of_page(client, path)
    assert "Sign in with Example Corp as mira@example.com, or choose a password." in page
    assert client.post(path, {"password1": "a sentence to sign in with"}).status_code == 302
    user = signed_in(client)
    assert user is not None
    assert (user.email, user.role) == ("mira@example.com", "superuser")


def test_without_passwords_the_mail_and_the_form_say_so(
    provider: OpenIdProvider,
    client: Client,
    settings: Any,
    root: User,
    post_office: PostOffice,
) -> None:
    settings.PASSWORD_SIGN_IN, settings.REGISTRATION = False, "closed"
    invited(root)
    letter = body(post_office.one(), "plain")
    assert "Sign in with Example Corp:" in letter
    assert "when you have signed in there as mira@example.com" in letter
    assert "password" not in letter
    client.force_login(root)
    form = words(client.get("/admin/accounts/invitation/person/"))
    assert "leads to “Sign in with Example Corp”" in form
    assert "where it names groups, those chosen here do not count, and its groups give" in form


def test_a_colleague_without_the_provider_comes_in_by_a_link(
    provider: OpenIdProvider, client: Client, root: User
) -> None:
    _, path = invited(root, "user", "Credit team")
    assert "or choose a password" in words_of_page(client, path)
    assert client.post(path, {"password1": "a sentence to sign in with"}).status_code == 302
    user = signed_in(client)
    assert user is not None
    assert (user.email, groups_of(user)) == ("mira@example.com", {"Credit team"})
    assert not SocialAccount.objects.exists()


def test_an_invitation_counts_for_whoever_signs_in_without_its_link(
    provider: OpenIdProvider, client: Client, settings: Any, root: User
) -> None:
    deciding(settings)
    provider.knows("mira", **ADDRESS)
    invitation, path = invited(root, "admin", "Credit team")
    sign_in(provider, client)
    user = signed_in(client)
    assert user is not None
    assert (user.role, groups_of(user)) == ("admin", {"Credit team"})
    invitation.refresh_from_db()
    assert invitation.status == "used"
    assert "was used already" in words(Client().get(path))


def test_what_the_provider_decides_an_invitation_does_not_give_and_it_is_said(
    provider: OpenIdProvider, client: Client, root: User
) -> None:
    _, path = invited(root, "admin", "Credit team", "Auditors")
    home = through_link(provider, client, path)
    assert "Your invitation also named admin and Auditors. Example Corp decides this" in words(home)
    user = signed_in(client)
    assert user is not None
    assert (user.role, groups_of(user)) == ("user", {"plumbline", "Credit team"})
    accepted = ActivityEvent.objects.get(action="invitation accepted")
    assert accepted.after == {
        "invited_by": root.email,
        "through": "Example Corp",
        "left_to_it": ["admin", "Auditors"],
    }
    assert not ActivityEvent.objects.filter(action__in=["group left", "role changed"]).exists()


@pytest.mark.parametrize("spoil", ["expired", "revoked", "on hold"])
def test_an_invitation_that_does_not_count_gives_nothing_to_whoever_the_provider_lets_in(
    provider: OpenIdProvider, client: Client, settings: Any, root: User, spoil: str
) -> None:
    deciding(settings)
    provider.knows("mira", **ADDRESS)
    invitation, path = invited(root, "admin", "Credit team")
    if spoil == "revoked":
        revoke(invitation=invitation, by=root)
    elif spoil == "expired":
        Invitation.objects.update(expires_at=timezone.now())
    else:
        User.objects.filter(pk=root.pk).update(is_active=False)
    sign_in(provider, client)
    user = signed_in(client)
    assert user is not None
    assert (user.role, groups_of(user)) == ("user", set())
    assert client.get(path).status_code == 410


def test_an_invitation_is_not_used_by_whoever_has_another_address_at_the_provider(
    provider: OpenIdProvider, client: Client, settings: Any, root: User
) -> None:
    deciding(settings)
    provider.knows("mira", email="mira.kovac@example.com", email_verified=True)
    invitation, path = invited(root, "admin")
    page = words(through_link(provider, client, path))
    assert "You are signed in as mira.kovac@example.com" in page
    assert "the invitation is for mira@example.com" in page
    user = signed_in(client)
    assert user is not None
    assert user.role == "user"
    invitation.refresh_from_db()
    assert invitation.status == "open"


def test_an_invitation_is_not_used_by_an_address_that_the_provider_does_not_confirm(
    provider: OpenIdProvider, client: Client, root: User
) -> None:
    provider.knows("mira", **MIRA | {"email_verified": False})
    invitation, _ = invited(root)
    refused(sign_in(provider, client), "does not confirm")
    invitation.refresh_from_db()
    assert invitation.status == "open"


@pytest.mark.parametrize("role", ["user", "admin", "superuser"])
def test_trust_accepts_an_invitation_but_makes_no_superuser(
    provider: OpenIdProvider, client: Client, settings: Any, root: User, role: str
) -> None:
    settings.OIDC_TRUST_EMAIL = True
    deciding(settings)
    provider.knows("mira", email="mira@example.com")
    invited(root, role)
    answer = sign_in(provider, client)
    if role == "superuser":
        refused(answer, "Open the link of the invitation and choose a password there.")
        assert not User.objects.filter(email="mira@example.com").exists()
        return
    user = signed_in(client)
    assert user is not None
    assert user.role == role


def somebody_waits_for_a_row() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_of_a_sign_in_and_an_acceptance_of_its_link_at_once_one_makes_the_account(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider sends the person back while their password is being taken."""
    settings.OIDC_ISSUER = "https://sso.example.org"
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    invitation, _ = invited(root, "admin", "Credit team")
    claims = Claims("mira", "mira@example.com", True, "Mira", None)
    answers: list[str] = []

    def sign_in_there() -> None:
        try:
            services.enter(claims)
        except (SignOnStale, ProofNeeded) as refusal:
            answers.append(type(refusal).__name__)
        finally:
            connection.close()

    thread = threading.Thread(target=sign_in_there)
    make = User.objects.create_user

    def slowly(email: str, password: str | None = None, **about: Any) -> User:
        if password:
            thread.start()
            until(somebody_waits_for_a_row, "the sign-in to wait for the invitation")
        return make(email, password, **about)

    monkeypatch.setattr(User.objects, "create_user", slowly)
    mira = accept(invitation=invitation, name="", password=PASSWORD)
    thread.join()
    assert answers == ["SignOnStale"]
    assert (mira.role, groups_of(mira)) == ("admin", {"Credit team"})


def test_an_invitation_does_not_open_what_the_required_group_closes(
    provider: OpenIdProvider, client: Client, root: User
) -> None:
    provider.knows("mira", **MIRA | {"groups": ["Credit team"]})
    invitation, _ = invited(root)
    refused(sign_in(provider, client), "does not belong to the group that may come in")
    invitation.refresh_from_db()
    assert invitation.status == "open"


# --- Passwords ------------------------------------------------------------------------------------


def with_password(email: str, client: Client) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": PASSWORD})


def test_a_linked_person_does_not_come_in_by_the_password(
    provider: OpenIdProvider, client: Client
) -> None:
    make_user("mira@example.com")
    client.post(sign_in(provider, client).url, {"password": PASSWORD})
    other = Client()
    refused(with_password("mira@example.com", other), "A password does not open this account")


def test_people_who_are_not_linked_come_in_by_the_password(
    provider: OpenIdProvider, client: Client, alice: User
) -> None:
    with_password(alice.email, client)
    assert signed_in(client) == alice


def test_without_passwords_only_superusers_come_in_by_one(
    provider: OpenIdProvider, client: Client, settings: Any, alice: User, root: User
) -> None:
    settings.PASSWORD_SIGN_IN, settings.REGISTRATION = False, "closed"
    refused(with_password(alice.email, client), "Sign in with Example Corp")
    with_password(root.email, client)
    assert signed_in(client) == root
    assert (groups_of(root), root.role) == (set(), "superuser")


def test_without_passwords_the_page_shows_the_button_and_a_way_for_superusers(
    provider: OpenIdProvider, client: Client, settings: Any
) -> None:
    both = client.get("/accounts/login/?next=/presets/").content.decode()
    assert 'href="/accounts/oidc/begin/?next=%2Fpresets%2F"' in both
    assert 'name="password"' in both
    settings.PASSWORD_SIGN_IN, settings.REGISTRATION = False, "closed"
    alone = client.get("/accounts/login/?next=/presets/").content.decode()
    assert "Sign in with Example Corp" in alone
    assert 'name="password"' not in alone
    assert 'href="?next=%2Fpresets%2F&amp;local=1"' in alone
    assert 'name="password"' in client.get("/accounts/login/?local=1").content.decode()


def test_without_a_provider_there_is_neither_button_nor_page(client: Client, db: None) -> None:
    assert "/accounts/oidc/" not in client.get("/accounts/login/").content.decode()
    for page in ("begin", "callback", "link"):
        assert client.get(f"/accounts/oidc/{page}/").status_code == 404


# --- The settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"OIDC_ISSUER": "https://sso.example.org"}, "OIDC_CLIENT_SECRET is empty"),
        ({"OIDC_CLIENT_ID": "x"}, "OIDC_CLIENT_ID is set and OIDC_ISSUER is empty"),
        ({"OIDC_REQUIRED_GROUP": "x"}, "OIDC_REQUIRED_GROUP is set and OIDC_ISSUER is empty"),
        ({"OIDC_TRUST_EMAIL": "true"}, "OIDC_TRUST_EMAIL is set and OIDC_ISSUER is empty"),
        ({"PASSWORD_SIGN_IN": "false"}, "nobody could sign in"),
        (ISSUER | {"OIDC_ISSUER": "http://sso.example.org"}, "expected the provider's own address"),
        (ISSUER | {"OIDC_ISSUER": "sso.example.org"}, "expected the provider's own address"),
        (ISSUER | {"OIDC_ISSUER": "https://"}, "expected the provider's own address"),
        (ISSUER | {"OIDC_ISSUER": "https://a@b.example"}, "expected the provider's own address"),
        (ISSUER | {"OIDC_ISSUER": "https://b.example:x"}, "expected the provider's own address"),
        (
            ISSUER | {"OIDC_ISSUER": "https://b.example/.well-known/openid-configuration"},
            "without /.well-known",
        ),
        (ISSUER | {"OIDC_SCOPES": "openid"}, "OIDC_SCOPES lacks openid or email"),
        (ISSUER | {"OIDC_NAME": " "}, "is set and empty"),
        (
            ISSUER | {"PASSWORD_SIGN_IN": "false", "REGISTRATION": "open"},
            "register with a password that they cannot use",
        ),
    ],
)
def test_a_combination_that_cannot_work_stops_the_start_with_a_sentence(
    tmp_path: Path, given: dict[str, str], sentence: str
) -> None:
    assert sentence in ask(tmp_path, "s.OIDC_ISSUER", **REQUIRED, **given)


@pytest.mark.parametrize(
    "issuer",
    ["https://sso.example.org/", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:80"],
)
def test_three_variables_are_enough_and_this_machine_needs_no_https(
    tmp_path: Path, issuer: str
) -> None:
    given = ISSUER | {"OIDC_ISSUER": issuer}
    assert ask(tmp_path, "s.OIDC_ISSUER", **REQUIRED, **given) == issuer.rstrip("/")


def test_registration_is_closed_where_passwords_are_off(tmp_path: Path) -> None:
    given = ISSUER | {"PASSWORD_SIGN_IN": "false"}
    assert ask(tmp_path, "s.REGISTRATION", **REQUIRED, **given) == "closed"
