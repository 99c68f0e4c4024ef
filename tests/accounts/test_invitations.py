"""Invitations: making, sending, opening and accepting them, and what each bad link says."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as people
from accounts.activity_words import sentence
from accounts.errors import (
    GroupGone,
    HasAccount,
    InvitationEnded,
    InvitationOnHold,
    InvitationUnknown,
    NotInvitable,
    NotSuperuser,
)
from accounts.invitations import services
from accounts.invitations.models import Role
from accounts.invitations.services import Link, invite
from accounts.models import ActivityEvent, Invitation, User
from accounts.privacy import own_account, personal_data, retention
from config.errors import DomainError
from models_registry.services import showing
from notifications.models import Mail
from tests.factories import PASSWORD, make_user
from tests.hostile import EVERY
from tests.post_office import PostOffice, body, link_in

NEW = "a sentence to sign in with"
MIRA = "mira@example.com"
MANY = "/admin/accounts/invitation/people/"
ONE = "/admin/accounts/invitation/person/"
MODES = pytest.mark.parametrize("mode", ["open", "domains", "invited", "closed"])


@pytest.fixture
def as_root(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def link_for(
    by: User, email: str = MIRA, role: str = "user", name: str = "", groups: Any = ()
) -> Link:
    (link,) = invite(names={email: name}, role=role, groups=groups, by=by)
    return link


def make_groups(*names: str) -> list[Group]:
    return [Group.objects.create(name=name) for name in names]


def path_of(link: Link, settings: Any) -> str:
    return link.url.removeprefix(settings.SITE_URL)


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def links_on(page: Any) -> list[str]:
    """Return the paths of the links that a page of the admin shows."""
    return re.findall(
        r'value="https?://[^/]+(/accounts/invitation/[\w-]{43}/)"', page.content.decode()
    )


def take(path: str, client: Client | None = None, **fields: str) -> Any:
    return (client or Client()).post(path, {"password1": NEW} | fields)


# --- Coming in -----------------------------------------------------------------------------------


@MODES
def test_a_link_makes_the_account_and_signs_in_whatever_sign_up_allows(
    mode: str, root: User, settings: Any
) -> None:
    settings.REGISTRATION, settings.REGISTRATION_DOMAINS = mode, ["example.org"]
    visitor, path = Client(), path_of(link_for(root, name="Mira Novak"), settings)
    form = visitor.get(path)
    assert form.status_code == 200
    assert 'value="Mira Novak"' in form.content.decode()
    answer = take(path, visitor, name="Mira N.", timezone="Europe/Zagreb")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    user = User.objects.get(email=MIRA)
    assert (user.name, user.timezone, user.role) == ("Mira N.", "Europe/Zagreb", "user")
    assert EmailAddress.objects.get(user=user).verified
    assert visitor.get("/accounts/profile/").status_code == 200
    again = Client().post("/accounts/login/", {"login": MIRA, "password": NEW})
    assert again["Location"] == "/"


def test_the_address_of_an_invitation_cannot_be_changed_by_the_form(
    root: User, settings: Any
) -> None:
    take(path_of(link_for(root), settings), email="eve@example.com", role="superuser")
    assert User.objects.get(email=MIRA).role == "user"
    assert not User.objects.filter(email="eve@example.com").exists()


@pytest.mark.parametrize("role", Role.values)
def test_a_role_is_recorded_as_given_by_whoever_invited(
    role: str, root: User, settings: Any
) -> None:
    take(path_of(link_for(root, role=role), settings))
    assert User.objects.get(email=MIRA).role == role
    given = list(ActivityEvent.objects.filter(action="role changed"))
    if role == "user":
        assert given == []
        return
    (event,) = given
    assert (event.actor, event.target, event.address) == (root, MIRA, None)
    assert (event.before, event.after) == ({"role": "user"}, {"role": role})


@pytest.mark.parametrize("ask", ["get", "head", "options", "post"])
def test_a_program_that_opens_the_link_or_presses_its_button_uses_nothing_up(
    ask: str, root: User, settings: Any
) -> None:
    path = path_of(link_for(root), settings)
    for _ in range(3):
        assert getattr(Client(), ask)(path).status_code in {200, 405, 422}
    assert Invitation.objects.get().status == "open"
    assert not User.objects.filter(email=MIRA).exists()
    assert take(path).status_code == 302


@pytest.mark.parametrize("password", ["", "short", "1234567890123", MIRA, "x" * 5000])
def test_a_weak_password_makes_no_account_and_the_link_still_works(
    password: str, root: User, settings: Any
) -> None:
    path = path_of(link_for(root), settings)
    assert take(path, password1=password).status_code == 422
    assert not User.objects.filter(email=MIRA).exists()
    assert take(path).status_code == 302


def test_somebody_who_is_signed_in_is_told_and_the_link_still_works(
    as_root: Client, root: User, settings: Any
) -> None:
    path = path_of(link_for(root), settings)
    page = as_root.get(path)
    assert "You are signed in as root@example.com" in words(page)
    assert take(path, as_root).status_code == 403
    assert not User.objects.filter(email=MIRA).exists()
    assert take(path).status_code == 302


def test_another_persons_unconfirmed_change_to_the_address_does_not_reserve_it(
    root: User, bob: User, settings: Any
) -> None:
    own_account.ask_for_email(user=bob, email=MIRA)
    take(path_of(link_for(root), settings))
    assert EmailAddress.objects.get(email=MIRA).user.email == MIRA


# --- Groups --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page", "field"), [(ONE, "email"), (MANY, "emails")])
def test_whoever_comes_in_is_in_the_groups_that_were_chosen(
    page: str, field: str, as_root: Client, root: User
) -> None:
    credit, audit, _ = make_groups("Credit team", "Auditors", "Others")
    sent = {field: MIRA, "role": "admin", "groups": [credit.pk, audit.pk]}
    shown = as_root.post(page, sent)
    assert "mira@example.com · admin · Auditors and Credit team" in words(shown)
    (path,) = links_on(shown)
    welcome = words(Client().get(path))
    assert "invited you as an admin to the groups Auditors and Credit team." in welcome
    take(path)
    user = User.objects.get(email=MIRA)
    assert set(user.groups.all()) == {credit, audit}
    given = ActivityEvent.objects.filter(action="group joined").order_by("id")
    assert [(event.actor, event.target, event.address, event.after) for event in given] == [
        (root, MIRA, None, {"group": "Credit team"}),
        (root, MIRA, None, {"group": "Auditors"}),
    ]
    invited = ActivityEvent.objects.get(action="person invited")
    assert invited.after == {"role": "admin", "groups": ["Auditors", "Credit team"]}


def test_the_mail_the_list_and_the_page_of_an_invitation_name_its_groups(
    as_root: Client, root: User, post_office: PostOffice
) -> None:
    link = link_for(root, groups=make_groups("Credit team"))
    assert "invites you to Plumbline, to the group Credit team." in body(post_office.one(), "plain")
    for page in ("", f"{link.invitation.pk}/change/"):
        assert "Credit team" in words(as_root.get(f"/admin/accounts/invitation/{page}"))


def test_an_invitation_that_is_sent_again_keeps_its_groups(root: User) -> None:
    groups = make_groups("Credit team")
    link = link_for(root, groups=groups)
    services.renew(invitation=link.invitation, by=root)
    user = services.accept(invitation=Invitation.objects.get(), name="", password=NEW)
    assert list(user.groups.all()) == groups


def test_a_group_that_was_renamed_since_is_given_and_named_as_it_is_called_now(
    root: User, settings: Any
) -> None:
    (team,) = make_groups("Credit team")
    path = path_of(link_for(root, groups=[team]), settings)
    showing.save_group(group=team, name="Lending", by=root)
    assert "to the group Lending." in words(Client().get(path))
    take(path)
    assert list(User.objects.get(email=MIRA).groups.all()) == [team]


def test_a_group_that_was_deleted_since_is_left_out_and_said(
    as_root: Client, root: User, settings: Any
) -> None:
    credit, audit = make_groups("Credit team", "Auditors")
    link = link_for(root, groups=[credit, audit])
    asked = as_root.get(f"/admin/auth/group/{credit.pk}/delete/")
    assert "1 invitation gives it, and counts without it then." in words(asked)
    showing.delete_group(group=credit, by=root)
    path = path_of(link, settings)
    assert "invited you to the group Auditors." in words(Client().get(path))
    take(path)
    assert list(User.objects.get(email=MIRA).groups.all()) == [audit]
    page = as_root.get(f"/admin/accounts/invitation/{link.invitation.pk}/change/")
    assert "Auditors, Credit team (deleted since)" in words(page)
    accepted = ActivityEvent.objects.get(action="invitation accepted")
    assert accepted.after == {"invited_by": root.email, "groups_deleted_since": ["Credit team"]}


def test_a_group_that_is_deleted_while_it_is_chosen_invites_nobody(root: User) -> None:
    (team,) = make_groups("Credit team")
    gone = Group(pk=team.pk, name=team.name)
    team.delete()
    with pytest.raises(GroupGone):
        link_for(root, groups=[gone])
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("group", ["0", "x", "-1", "99999999999999999999", "\x00"])
@pytest.mark.parametrize("page", [ONE, MANY])
def test_a_group_that_is_none_invites_nobody(page: str, group: str, as_root: Client) -> None:
    sent = {"email": MIRA, "emails": MIRA, "role": "user", "groups": group}
    assert as_root.post(page, sent).status_code == 422
    assert not Invitation.objects.exists()


def test_an_admin_gives_no_group_by_an_invitation(ada: User) -> None:
    with pytest.raises(NotSuperuser):
        link_for(ada, groups=make_groups("Credit team"))
    client = Client()
    client.force_login(ada)
    assert client.get(ONE).status_code == 403


def test_the_groups_of_somebody_who_may_not_invite_any_more_are_not_given(root: User) -> None:
    fresh = link_for(root, groups=make_groups("Credit team")).invitation
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    with pytest.raises(InvitationOnHold):
        services.accept(invitation=fresh, name="", password=NEW)
    assert not User.objects.filter(email=MIRA).exists()


@pytest.mark.django_db(transaction=True)
def test_of_an_acceptance_and_the_end_of_its_group_at_once_both_succeed(settings: Any) -> None:
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    (team,) = make_groups("Credit team")
    path = path_of(link_for(root, role="admin", groups=[team]), settings)
    gate = threading.Barrier(2)
    answers: list[int] = []

    def accept() -> None:
        gate.wait()
        answers.append(take(path).status_code)
        connection.close()

    def delete() -> None:
        gate.wait()
        showing.delete_group(group=team, by=root)
        connection.close()

    threads = [threading.Thread(target=act) for act in (accept, delete)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [302]
    assert not Group.objects.exists()
    assert not User.objects.get(email=MIRA).groups.exists()


def test_the_list_of_invitations_costs_the_same_with_more_groups(
    as_root: Client, root: User
) -> None:
    counts = []
    for step in range(2):
        groups = make_groups(*(f"Group {step} {number}" for number in range(20)))
        for number in range(3):
            link_for(root, f"person{step}{number}@example.com", groups=groups)
        as_root.get("/admin/accounts/invitation/")  # content types are read once
        with CaptureQueriesContext(connection) as queries:
            assert as_root.get("/admin/accounts/invitation/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Links that do not work ----------------------------------------------------------------------


def end(link: Link, **fields: Any) -> None:
    Invitation.objects.filter(pk=link.invitation.pk).update(**fields)


SPOILT: dict[str, tuple[Callable[[Link, User], object], int, str]] = {
    "used": (
        lambda link, root: services.accept(invitation=link.invitation, name="", password=NEW),
        410,
        "was used already. Sign in",
    ),
    "expired": (lambda link, root: end(link, expires_at=timezone.now()), 410, "has expired. Ask"),
    "revoked": (
        lambda link, root: services.revoke(invitation=link.invitation, by=root),
        410,
        "was withdrawn. Ask",
    ),
    "renewed": (
        lambda link, root: services.renew(invitation=link.invitation, by=root),
        404,
        "a newer mail has a newer link. Ask",
    ),
    "has an account": (
        lambda link, root: make_user(MIRA),
        410,
        "an account with this address already. Sign in",
    ),
    "its sender is disabled": (
        lambda link, root: User.objects.filter(pk=root.pk).update(is_active=False),
        410,
        "can no longer invite anybody. Ask",
    ),
    "its sender is no superuser": (
        lambda link, root: User.objects.filter(pk=root.pk).update(is_superuser=False),
        410,
        "can no longer invite anybody. Ask",
    ),
}


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("role", ["user", "superuser"])
def test_a_link_that_does_not_work_says_why_and_makes_nothing(
    spoilt: str, role: str, root: User, settings: Any
) -> None:
    link = link_for(root, role=role)
    act, status, said = SPOILT[spoilt]
    act(link, root)
    before = list(User.objects.order_by("pk").values_list("email", "password"))
    for answer in (Client().get(path_of(link, settings)), take(path_of(link, settings))):
        assert answer.status_code == status
        assert said in words(answer)
    assert list(User.objects.order_by("pk").values_list("email", "password")) == before


@pytest.mark.parametrize("secret", ["x", "%00", "%FF%FE", "..%2F", "a" * 5000, "<b>", "\u202e"])
def test_an_invented_link_is_not_found_and_no_error(secret: str, db: None) -> None:
    for ask in (Client().get, take):
        answer = ask(f"/accounts/invitation/{secret}/")
        assert answer.status_code == 404


def test_what_changes_between_the_page_and_its_form_is_seen(root: User, settings: Any) -> None:
    link = link_for(root, role="admin")
    services.renew(invitation=link.invitation, by=root)
    with pytest.raises(InvitationUnknown):
        services.accept(invitation=link.invitation, name="", password=NEW)
    fresh = Invitation.objects.select_related("invited_by").get()
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    with pytest.raises(InvitationOnHold):
        services.accept(invitation=fresh, name="", password=NEW)
    assert not User.objects.filter(email=MIRA).exists()


def test_guessing_links_is_limited_opening_and_sending_alike(db: None, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"invitation": "2/m/ip"}
    tried = [Client().get("/accounts/invitation/a/"), take("/accounts/invitation/b/")]
    assert [answer.status_code for answer in tried] == [404, 404]
    for answer in (Client().get("/accounts/invitation/c/"), take("/accounts/invitation/c/")):
        assert (answer.status_code, answer["Retry-After"]) == (429, "60")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("role", ["user", "admin"])
def test_of_two_acceptances_at_once_one_makes_the_account(role: str, settings: Any) -> None:
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    path = path_of(link_for(root, role=role), settings)
    gate = threading.Barrier(2)
    answers: list[int] = []

    def accept(name: str) -> None:
        gate.wait()
        answers.append(take(path, name=name).status_code)
        connection.close()

    threads = [threading.Thread(target=accept, args=[name]) for name in ("One", "Two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, 410]
    assert User.objects.get(email=MIRA).role == role
    assert ActivityEvent.objects.filter(action="invitation accepted").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_an_acceptance_and_a_sign_up_at_once_one_makes_the_account(settings: Any) -> None:
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    path = path_of(link_for(root), settings)
    gate = threading.Barrier(2)
    answers: dict[str, int] = {}

    def ask(address: str, email: str) -> None:
        gate.wait()
        answers[address] = take(address, email=email).status_code
        connection.close()

    threads = [
        threading.Thread(target=ask, args=[address, MIRA])
        for address in (path, "/accounts/signup/")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.filter(email=MIRA).count() == 1
    assert answers[path] in {302, 410}
    assert answers["/accounts/signup/"] in {200, 302}


@pytest.mark.django_db(transaction=True)
def test_of_two_superusers_who_invite_the_same_people_at_once_one_does() -> None:
    pair = [make_user(f"{name}@example.com", is_staff=True, is_superuser=True) for name in "ab"]
    names = {f"person{number}@example.org": "" for number in range(20)}
    gate = threading.Barrier(2)
    refused: list[str] = []

    def ask(by: User, order: int) -> None:
        gate.wait()
        try:
            invite(names=dict(list(names.items())[::order]), role="user", by=by)
        except DomainError as error:
            refused.append(type(error).__name__)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=ask, args=[by, order])
        for by, order in zip(pair, (1, -1), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["NotInvitable"]
    assert Invitation.objects.count() == len(names)


# --- Inviting ------------------------------------------------------------------------------------


def test_many_addresses_are_invited_at_once_each_with_a_link(as_root: Client, root: User) -> None:
    given = " mira@example.com\r\nＴＯＭ@example.com, ana@example.com;mira@EXAMPLE.com\n\n"
    page = as_root.post(MANY, {"emails": given, "role": "admin"})
    assert page.status_code == 200
    assert "3 people are invited" in words(page)
    assert len(set(links_on(page))) == 3
    invited = Invitation.objects.order_by("email").values_list("email", "role", "invited_by")
    assert list(invited) == [
        (f"{name}@example.com", "admin", root.pk) for name in ("ana", "mira", "tom")
    ]
    for invitation in Invitation.objects.all():
        assert round((invitation.expires_at - invitation.made_at) / timedelta(days=1)) == 7


def test_one_bad_line_is_said_and_nobody_is_invited(
    as_root: Client, root: User, bob: User, post_office: PostOffice
) -> None:
    link_for(root, "old@example.com")
    post_office.collect()
    given = f"mira@example.com\nnobody\n{bob.email.upper()}\nold@example.com"
    page = as_root.post(MANY, {"emails": given, "role": "user"})
    assert page.status_code == 422
    for said in (
        "“nobody” is not an e-mail address.",
        "bob@example.com has an account already.",
        "old@example.com was invited before. Send that invitation again, or revoke it.",
        "Nobody was invited.",
    ):
        assert said in words(page)
    assert "mira@example.com" in page.content.decode()  # what was typed is kept
    assert Invitation.objects.count() == 1
    assert not Mail.objects.waiting().exists()


@pytest.mark.parametrize(
    "email",
    [
        "mira@example.com\nBcc: eve@evil.example",
        "Mira <mira@example.com>",
        "mira@example.com eve@evil.example",
        "<script>alert(1)</script>@example.com",
        "mira@",
        "@example.com",
        "mira\x00@example.com",
        "x" * 250 + "@example.com",
        "mira@exa\u202emple.c\u2066om mple",
        "\u200b",
    ],
)
@pytest.mark.parametrize("page", [ONE, MANY])
def test_what_is_no_address_is_refused_and_shown_as_text(
    page: str, email: str, as_root: Client
) -> None:
    answer = as_root.post(page, {"email": email, "emails": email, "role": "user"})
    assert answer.status_code == 422
    assert "<script>alert" not in answer.content.decode()
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("given", ["", " \n , ", ";"])
def test_no_address_at_all_is_said(given: str, as_root: Client) -> None:
    page = as_root.post(MANY, {"emails": given, "role": "user"})
    assert page.status_code == 422
    assert "Write one address at least." in words(page)


def test_more_than_a_hundred_addresses_are_refused_with_their_number(as_root: Client) -> None:
    given = "\n".join(f"person{number}@example.com" for number in range(101))
    page = as_root.post(MANY, {"emails": given, "role": "user"})
    assert "These are 101 addresses. Invite at most 100 at once." in words(page)
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("role", ["", "owner", "Superuser"])
@pytest.mark.parametrize("page", [ONE, MANY])
def test_a_role_that_is_none_invites_nobody(page: str, role: str, as_root: Client) -> None:
    answer = as_root.post(page, {"email": MIRA, "emails": MIRA, "role": role})
    assert answer.status_code == 422
    assert not Invitation.objects.exists()


def test_a_person_is_added_from_the_list_of_people(as_root: Client) -> None:
    assert ONE in as_root.get("/admin/accounts/user/").content.decode()
    page = as_root.post(ONE, {"email": MIRA, "name": "Mira Novak", "role": "admin"})
    (path,) = links_on(page)
    take(path, name="Mira Novak")
    user = User.objects.get(email=MIRA)
    assert (user.name, user.role) == ("Mira Novak", "admin")
    assert user.email in as_root.get("/admin/accounts/user/").content.decode()


def test_only_an_active_superuser_invites_renews_and_revokes(
    ada: User, root: User, bob: User
) -> None:
    invitation = link_for(root).invitation
    gone = make_user("gone@example.com", is_staff=True, is_superuser=True, is_active=False)
    for by in (ada, bob, gone):
        with pytest.raises(NotSuperuser):
            invite(names={"tom@example.com": ""}, role="user", by=by)
        with pytest.raises(NotSuperuser):
            services.renew(invitation=invitation, by=by)
        with pytest.raises(NotSuperuser):
            services.revoke(invitation=invitation, by=by)
    assert Invitation.objects.get().status == "open"


# --- The mail ------------------------------------------------------------------------------------


def test_the_mail_says_who_invites_as_what_until_when_and_its_button_works(
    root: User, post_office: PostOffice, settings: Any
) -> None:
    settings.SITE_NAME = "Models"
    link = link_for(root, role="admin", name="Mira Novak")
    letter = post_office.one()
    assert (letter["To"], letter["Subject"]) == (MIRA, "Your invitation to Models")
    until = f"{link.invitation.expires_at:%-d %b %Y, %H:%M}"
    for said in ("Hello Mira Novak", root.email, "as an admin", f"once, until {until} UTC"):
        assert said in body(letter, "plain")
    assert link_in(letter) == path_of(link, settings)
    assert take(link_in(letter)).status_code == 302


def test_a_hostile_name_is_text_on_every_page_and_in_the_mail(
    as_root: Client, root: User, post_office: PostOffice, settings: Any
) -> None:
    link = link_for(root, name=EVERY[:150])
    shown = [
        body(post_office.one(), "html"),
        Client().get(path_of(link, settings)).content.decode(),
    ]
    change = f"/admin/accounts/invitation/{link.invitation.pk}/change/"
    shown.append(as_root.get(change).content.decode())
    for text in shown:
        assert "&lt;img src=x" in text
        assert "<img src=x" not in text


def test_where_no_mail_is_delivered_the_link_is_shown_and_nothing_is_queued(
    as_root: Client, settings: Any
) -> None:
    settings.MAIL_IS_DELIVERED = False
    page = as_root.post(ONE, {"email": MIRA, "role": "user"})
    assert "No mail is delivered here. Hand over each link" in words(page)
    (path,) = links_on(page)
    assert not Mail.objects.exists()
    assert take(path).status_code == 302


def test_no_secret_is_kept_or_shown_again(as_root: Client, root: User, settings: Any) -> None:
    link = link_for(root)
    secret = path_of(link, settings).split("/")[-2]
    invitation = Invitation.objects.get()
    assert len(secret) == 43
    assert secret not in str(Invitation.objects.values())
    for page in ("", f"{invitation.pk}/change/", f"{invitation.pk}/history/"):
        shown = as_root.get(f"/admin/accounts/invitation/{page}").content.decode()
        assert secret not in shown
        assert invitation.digest not in shown
    assert secret not in str(list(ActivityEvent.objects.values()))


# --- Sending again, revoking ---------------------------------------------------------------------


def test_an_invitation_that_is_sent_again_has_a_new_link_and_a_new_week(
    as_root: Client, root: User, post_office: PostOffice, settings: Any
) -> None:
    other = make_user("other@example.com", is_staff=True, is_superuser=True)
    link = link_for(other)
    end(link, expires_at=timezone.now() - timedelta(days=1))
    post_office.collect()
    page = as_root.post(f"/admin/accounts/invitation/{link.invitation.pk}/renew/")
    (path,) = links_on(page)
    assert link_in(post_office.one()) == path
    assert Client().get(path_of(link, settings)).status_code == 404
    renewed = Invitation.objects.get()
    assert (renewed.status, renewed.invited_by) == ("open", root)
    assert take(path).status_code == 302


def test_a_revoked_invitation_leaves_the_address_free_for_a_new_one(
    as_root: Client, root: User, settings: Any
) -> None:
    link = link_for(root)
    page = as_root.post(f"/admin/accounts/invitation/{link.invitation.pk}/revoke/", follow=True)
    assert "The invitation of mira@example.com is revoked." in words(page)
    assert take(path_of(link_for(root), settings)).status_code == 302


@pytest.mark.parametrize("act", [services.renew, services.revoke])
def test_what_was_used_or_revoked_is_over(act: Any, root: User) -> None:
    used, revoked = (link_for(root, f"{name}@example.com").invitation for name in ("a", "b"))
    services.accept(invitation=used, name="", password=NEW)
    services.revoke(invitation=revoked, by=root)
    for invitation in (used, revoked):
        with pytest.raises(InvitationEnded):
            act(invitation=invitation, by=root)


def test_an_invitation_is_not_sent_again_to_somebody_who_came_in_another_way(root: User) -> None:
    invitation = link_for(root).invitation
    make_user(MIRA)
    with pytest.raises(HasAccount):
        services.renew(invitation=invitation, by=root)
    with pytest.raises(NotInvitable, match="has an account already"):
        link_for(root)


@pytest.mark.parametrize("act", ["renew", "revoke"])
def test_the_admin_says_that_an_invitation_is_over(act: str, as_root: Client, root: User) -> None:
    invitation = link_for(root).invitation
    services.revoke(invitation=invitation, by=root)
    page = as_root.post(f"/admin/accounts/invitation/{invitation.pk}/{act}/", follow=True)
    assert "This invitation was used or revoked." in words(page)
    assert "Send again" not in words(page)


# --- The list, the record, and what is kept ------------------------------------------------------


def every_status(root: User) -> dict[str, Invitation]:
    """Make an invitation of each status."""
    leaver = make_user("leaver@example.com", is_staff=True, is_superuser=True)
    made = {
        status: link_for(
            leaver if status == "on hold" else root, f"{number}@example.com"
        ).invitation
        for number, status in enumerate(Invitation.STATUSES)
    }
    services.accept(invitation=made["used"], name="", password=NEW)
    services.revoke(invitation=made["revoked"], by=root)
    Invitation.objects.filter(pk=made["expired"].pk).update(expires_at=timezone.now())
    people.revoke_superuser(user=leaver, by=root)
    return made


def test_each_status_is_a_filter_of_the_list_and_the_word_of_its_rows(
    as_root: Client, root: User
) -> None:
    made = every_status(root)
    for status, invitation in made.items():
        page = as_root.get("/admin/accounts/invitation/", {"status": status})
        assert [row.pk for row in page.context["cl"].result_list] == [invitation.pk]
        assert Invitation.objects.get(pk=invitation.pk).status == status
    assert as_root.get("/admin/accounts/invitation/").context["cl"].result_count == len(made)


def test_each_act_is_recorded_in_words(root: User) -> None:
    first, second = link_for(root), link_for(root, "tom@example.com")
    services.renew(invitation=first.invitation, by=root)
    services.revoke(invitation=first.invitation, by=root)
    mira = services.accept(invitation=second.invitation, name="", password=NEW)
    said = [(event.actor, sentence(event)) for event in ActivityEvent.objects.order_by("id")]
    assert said == [
        (root, "Invited mira@example.com"),
        (root, "Invited tom@example.com"),
        (root, "Made a new link for the invitation of mira@example.com"),
        (root, "Revoked the invitation of mira@example.com"),
        (mira, "Signed up by invitation"),
    ]


def test_a_person_gets_and_takes_along_what_their_invitation_holds(root: User) -> None:
    link = link_for(root, groups=make_groups("Credit team"))
    user = services.accept(invitation=link.invitation, name="Mira", password=NEW)
    (row,) = personal_data.everything(user)["invitations"]
    assert (row["email"], row["groups"]) == (MIRA, ["Credit team"])
    assert "digest" not in row
    personal_data.erase(user)
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(("days", "is_kept"), [(89, True), (91, False)])
def test_an_address_that_never_came_is_forgotten_after_90_days(
    days: int, is_kept: bool, root: User
) -> None:
    end(link_for(root), expires_at=timezone.now() - timedelta(days=days))
    retention.forget()
    assert Invitation.objects.exists() is is_kept


def test_what_was_used_is_kept_with_the_account(root: User) -> None:
    link = link_for(root)
    services.accept(invitation=link.invitation, name="", password=PASSWORD)
    end(link, expires_at=timezone.now() - timedelta(days=400))
    retention.forget()
    assert Invitation.objects.get().status == "used"
