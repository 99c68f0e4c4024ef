import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts import services
from accounts.errors import AccountGone, LastSuperuser, NotSuperuser, OwnAccount, OwnRole
from accounts.models import ActivityEvent, User
from accounts.privacy import own_account
from config.errors import DomainError
from tests.factories import make_user
from tests.post_office import PostOffice, body, link_in

ROLES = {
    services.grant_admin: "admin",
    services.grant_superuser: "superuser",
    services.revoke_admin: "user",
    services.revoke_superuser: "admin",
}


@pytest.mark.parametrize("service", ROLES, ids=lambda service: service.__name__)
def test_a_change_of_role_is_recorded_once_ends_sessions_and_mails_the_person(
    service: Any, bob: User, root: User, post_office: PostOffice
) -> None:
    wanted = ROLES[service]
    if service.__name__.startswith("revoke"):
        bob.is_staff, bob.is_superuser = True, service is services.revoke_superuser
        bob.save()
    before = bob.role
    client = Client()
    client.force_login(bob)
    assert client.get("/accounts/profile/").status_code == 200
    changed = service(user=bob, by=root)
    assert changed.role == wanted
    assert client.get("/accounts/profile/").status_code == 302
    event = ActivityEvent.objects.get(action="role changed")
    assert (event.actor, event.target) == (root, bob.email)
    assert (event.before, event.after) == ({"role": before}, {"role": wanted})
    letter = post_office.one()
    assert letter["To"] == bob.email
    assert letter["Subject"] == f"Your role is now {wanted}"


def test_a_role_that_a_person_has_already_changes_nothing(ada: User, root: User) -> None:
    services.grant_admin(user=ada, by=root)
    assert not ActivityEvent.objects.exists()


@pytest.mark.parametrize("service", ROLES, ids=lambda service: service.__name__)
def test_nobody_changes_their_own_role(service: Any, root: User) -> None:
    with pytest.raises(OwnRole):
        service(user=root, by=root)


@pytest.mark.parametrize("service", [services.deactivate, services.reactivate])
def test_nobody_disables_or_enables_themselves(service: Any, root: User) -> None:
    with pytest.raises(OwnAccount):
        service(user=root, by=root)


@pytest.mark.parametrize(
    "service", [*ROLES, services.deactivate, services.reactivate, services.send_password_reset]
)
def test_only_an_active_superuser_acts_on_people(
    service: Any, bob: User, ada: User, root: User
) -> None:
    with pytest.raises(NotSuperuser):
        service(user=bob, by=ada)
    User.objects.filter(pk=root.pk).update(is_active=False)
    with pytest.raises(NotSuperuser):
        service(user=bob, by=root)


def test_superuser_rights_are_handed_over_and_the_first_one_steps_back(
    bob: User, root: User
) -> None:
    services.grant_superuser(user=bob, by=root)
    services.revoke_superuser(user=root, by=bob)
    assert list(User.objects.superusers()) == [bob]


def test_the_last_active_superuser_cannot_leave(root: User) -> None:
    make_user("gone@example.com", is_staff=True, is_superuser=True, is_active=False)
    with pytest.raises(LastSuperuser):
        own_account.close_account(user=root)
    root.refresh_from_db()
    assert root.status == "active"


def test_a_superuser_who_leaves_no_longer_counts(root: User) -> None:
    other = make_user("other@example.com", is_staff=True, is_superuser=True)
    own_account.close_account(user=other)
    with pytest.raises(LastSuperuser):
        own_account.close_account(user=root)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "service", [services.revoke_superuser, services.deactivate], ids=["demotion", "deactivation"]
)
def test_two_superusers_who_strike_at_once_leave_one(service: Any) -> None:
    pair = [
        make_user(f"{name}@example.com", is_staff=True, is_superuser=True) for name in ("a", "b")
    ]
    gate = threading.Barrier(2)
    refused: list[str] = []

    def strike(user: User, by: User) -> None:
        gate.wait()
        try:
            service(user=user, by=by)
        except DomainError as error:
            refused.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=strike, args=pair[::order]) for order in (1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.superusers().count() == 1
    assert len(refused) == 1


@pytest.mark.django_db(transaction=True)
def test_the_last_two_superusers_cannot_leave_at_once() -> None:
    pair = [
        make_user(f"{name}@example.com", is_staff=True, is_superuser=True) for name in ("a", "b")
    ]
    gate = threading.Barrier(2)

    def leave(user: User) -> None:
        gate.wait()
        try:
            own_account.close_account(user=user)
        except LastSuperuser:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=[user]) for user in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.superusers().count() == 1


def test_a_disabled_person_is_out_at_once_and_back_when_enabled(
    bob: User, root: User, post_office: PostOffice
) -> None:
    client = Client()
    client.force_login(bob)
    client.get("/accounts/profile/")
    services.deactivate(user=bob, by=root, reason="Left the company")
    assert client.get("/accounts/profile/").status_code == 302
    event = ActivityEvent.objects.get(action="account disabled")
    assert event.after == {"status": "disabled", "reason": "Left the company"}
    assert "Left the company" not in body(post_office.one(), "plain")
    services.reactivate(user=bob, by=root)
    assert post_office.one()["Subject"] == "Your account is enabled again"
    bob.refresh_from_db()
    assert bob.status == "active"


def test_what_was_deleted_cannot_be_enabled(bob: User, root: User) -> None:
    from django.utils import timezone

    User.objects.filter(pk=bob.pk).update(is_active=False, anonymised_at=timezone.now())
    with pytest.raises(AccountGone):
        services.reactivate(user=bob, by=root)


def test_a_reset_by_a_superuser_mails_a_link_and_ends_sessions(
    bob: User, root: User, post_office: PostOffice
) -> None:
    client = Client()
    client.force_login(bob)
    client.get("/accounts/profile/")
    assert services.send_password_reset(user=bob, by=root) == ""
    assert client.get("/accounts/profile/").status_code == 302
    assert Client().get(link_in(post_office.one())).status_code == 302
    assert ActivityEvent.objects.filter(action="password reset sent", actor=root).count() == 1


def test_without_mail_the_link_is_handed_over(bob: User, root: User, settings: Any) -> None:
    settings.MAIL_IS_DELIVERED = False
    settings.SITE_URL = "https://models.example.org"
    link = services.send_password_reset(user=bob, by=root)
    assert link.startswith("https://models.example.org/accounts/password/reset/key/")
