"""The bar above every page: one for the app, for Django's admin and for the pages that refuse."""

import pytest
from django.contrib import admin
from django.db import OperationalError
from django.test import Client
from django.urls import get_resolver, reverse

from accounts.models import User
from notifications import bell
from notifications.models import Kind, Notification
from tests.factories import make_version

assert get_resolver().url_patterns  # reading them takes some lists of others away
LISTS = [
    reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label)
]
BAR = '<nav class="mainnav" aria-label="Main">'


def shown(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, path
    return answer.content.decode()


def is_in_the_bar(page: str) -> bool:
    links = page.partition(BAR)[2].partition("</nav>")[0]
    return all(
        f'href="{reverse(name)}"' in links
        for name in (
            "executions:home", "executions:list", "presets:list",
            "monitoring:dashboard", "monitoring:failures", "admin:index",
        )
    )  # fmt: skip


@pytest.mark.parametrize("path", [*LISTS, "/admin/", "/admin/password_change/"])
def test_the_admin_has_the_bar_of_the_app(client: Client, root: User, path: str) -> None:
    client.force_login(root)
    page = shown(client, path)
    assert is_in_the_bar(page)
    assert '<a href="/admin/" aria-current="page">Admin</a>' in page
    assert "View site" not in page


def test_the_page_of_one_row_has_the_bar(client: Client, root: User) -> None:
    client.force_login(root)
    version = make_version()
    for path in (
        reverse("admin:accounts_user_change", args=[root.pk]),
        reverse("admin:accounts_user_act", args=[root.pk, "disable"]),
        reverse("admin:models_registry_registeredmodel_change", args=[version.model_id]),
        reverse("admin:models_registry_registeredmodel_history", args=[version.model_id]),
    ):
        answer = client.get(path, follow=True)
        assert answer.status_code == 200
        assert is_in_the_bar(answer.content.decode()), path


def test_a_popup_of_the_admin_has_no_bar(as_ada: Client) -> None:
    page = shown(as_ada, "/admin/models_registry/registeredmodel/?_popup=1")
    assert BAR not in page


def test_nobody_signed_in_is_sent_from_the_admin_to_the_sites_own_sign_in(db: None) -> None:
    answer = Client().get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/")


def test_an_address_without_a_page_keeps_the_bar(as_ada: Client) -> None:
    page = shown(as_ada, "/no-such-page/", 404)
    assert is_in_the_bar(page)
    assert "There is nothing at this address" in page


def test_an_address_without_a_page_tells_a_stranger_no_more_than_that(db: None) -> None:
    page = shown(Client(), "/no-such-page/", 404)
    assert BAR not in page
    assert "There is nothing at this address" in page


def test_a_page_that_asks_for_another_role_keeps_the_bar(as_ada: Client, root: User) -> None:
    page = shown(as_ada, reverse("admin:accounts_user_act", args=[root.pk, "disable"]), 403)
    assert is_in_the_bar(page)


def test_an_error_of_the_site_is_told_without_asking_who_is_signed_in(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(ada)

    def broken(user: User) -> None:
        raise RuntimeError

    monkeypatch.setattr("notifications.templatetags.notifications.bell_of", broken)
    for path in ("/history/", "/no-such-page/"):
        page = shown(client, path, 500)
        assert BAR not in page
        assert "Something broke on our side" in page


def test_without_the_database_an_unknown_address_says_that_waiting_helps(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(ada)

    def away(user: User) -> None:
        raise OperationalError

    monkeypatch.setattr("notifications.templatetags.notifications.bell_of", away)
    assert "Retry-After" in client.get("/no-such-page/").headers


@pytest.mark.parametrize(("unread", "shown_as"), [(9, "9"), (12, "12"), (99, "99"), (120, "99+")])
def test_the_bell_counts_to_99(as_ada: Client, ada: User, unread: int, shown_as: str) -> None:
    Notification.objects.bulk_create(
        Notification(user=ada, kind=Kind.MESSAGE, cause=str(n), title="Hello", is_shown=True)
        for n in range(unread)
    )
    page = shown(as_ada, "/admin/")
    assert f'<span class="count" aria-hidden="true">{shown_as}</span>' in page
    assert bell.bell_of(ada).count == shown_as
