"""Every list of Django's admin × what its query string may ask: its own filters and its search,
which read only columns that its pages show."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import Group
from django.db import models
from django.test import Client, RequestFactory
from django.urls import get_resolver, reverse
from django.utils import timezone
from django.utils.html import strip_tags

from accounts.activity import record
from accounts.admin import StaffModelAdmin
from accounts.models import ActivityEvent, ApiToken, Invitation, User
from executions.models import Execution
from models_registry.admin.version_page import TABS
from models_registry.models import Deployment, ModelVersion, RegisteredModel
from monitoring.models import FailureGroup, SupportRequest
from notifications.models import Mail, Notification
from tests.factories import make_execution
from tests.test_access_matrix import Play, Scene, make_play, play, scene

__all__ = ["make_play", "play", "scene"]

LOOKUPS = ("", "__regex", "__startswith", "__gt", "__exact")
OWN_FILTERS: dict[type[models.Model], set[str]] = {
    User: {"role", "status"},
    ActivityEvent: {
        "actor__id__exact", "action", "action__isnull", "at__gte", "at__lt",
        "at__year", "at__month", "at__day",
    },
    RegisteredModel: set(),
    ModelVersion: {
        "status__exact", "status__isnull", "model__id__exact", "model__isnull",
    },
    Deployment: {"action__exact", "action__isnull", "model__id__exact", "model__isnull"},
    Execution: {
        "q", "start", "end", "status", "model", "version", "purpose", "code", "slow", "review",
    },
    FailureGroup: {
        "state__exact", "state__isnull", "error_code__exact", "error_code__isnull",
        "model__id__exact", "model__isnull",
    },
    SupportRequest: {"state__exact", "state__isnull"},
    Notification: {"kind__exact", "kind__isnull", "is_shown__exact", "is_shown__isnull"},
    Mail: {"state", "is_optional__exact", "is_optional__isnull"},
    ApiToken: set(),
    Invitation: {"status"},
    Group: set(),
}  # fmt: skip
"""The lookups that each list allows. A list without an entry fails: whoever adds a filter decides
that the column is one that the list's pages show."""

assert get_resolver().url_patterns  # reading them takes some lists of others away
LISTS = sorted(admin.site._registry, key=lambda model: model._meta.label)
MARK = "zq4marker"
MACHINE_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


def address(model: type[models.Model], page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def columns(model: type[models.Model], *, deep: bool = True) -> Iterator[str]:
    """Yield every field, relations from elsewhere included, and the fields of the related rows."""
    for field in model._meta.get_fields():
        yield field.name
        if not field.is_relation:
            yield f"{field.name}__age"  # a key of a JSON column
        elif deep and field.related_model:
            for further in columns(field.related_model, deep=False):
                yield f"{field.name}__{further}"


@pytest.fixture
def alice(play: Play) -> User:
    return play.people["alice"]


@pytest.fixture
def ada(play: Play) -> User:
    return play.people["ada"]


@pytest.fixture
def root(play: Play) -> User:
    return play.people["root"]


@pytest.fixture
def as_root(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def test_every_list_has_an_entry() -> None:
    assert set(LISTS) == set(OWN_FILTERS)
    assert all(isinstance(page, StaffModelAdmin) for page in admin.site._registry.values())


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_a_list_answers_only_to_what_its_own_filters_ask(
    model: type[models.Model], root: User
) -> None:
    page, answered = admin.site._registry[model], set()
    for name in {f"{column}{lookup}" for column in columns(model) for lookup in LOOKUPS}:
        request = RequestFactory().get("/", {name: "1"})
        request.user = root
        try:
            page.get_changelist_instance(request)
        except DisallowedModelAdminLookup:
            continue
        except Exception:
            answered.add(name)
        else:
            answered.add(name)
    assert answered <= OWN_FILTERS[model]


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_what_is_no_filter_of_the_list_is_a_wrong_address(
    model: type[models.Model], as_root: Client
) -> None:
    for field in model._meta.fields:
        for lookup in ("__regex", "__startswith", "__gt"):
            answer = as_root.get(address(model), {f"{field.name}{lookup}": "("})
            assert answer.status_code == 400, (field.name, lookup)


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_each_filter_of_a_list_is_one(model: type[models.Model], root: User) -> None:
    request = RequestFactory().get("/")
    request.user = root
    page = admin.site._registry[model]
    assert all(page.lookup_allowed(name, "1", request) for name in OWN_FILTERS[model])


def test_the_words_of_a_waiting_mail_and_a_note_are_told_by_no_address(
    as_ada: Client, alice: User
) -> None:
    Mail.objects.create(
        sender="a@example.com", recipients=[alice.email], subject="Reset", text="/key/9-abc/"
    )
    execution = make_execution(user=alice, note="my secret")
    asked = [
        (address(Mail), {"text__regex": "/key/9"}),
        (address(Mail), {"text__contains": "/key/9"}),
        (address(Mail), {"html__startswith": "<"}),
        (address(Notification), {"user__password__startswith": "a"}),
        (address(Execution), {"note__startswith": "my secret"}),
        (address(Execution), {"inputs__age__gt": "1"}),
        (address(Execution), {"search_own__contains": "secret"}),
        (address(Execution), {"user__password__startswith": "a"}),
    ]
    for page, query in asked:
        answer = as_ada.get(page, query)
        assert answer.status_code == 400, query
        assert execution.public_id not in answer.content.decode()
    for page in (address(Mail), address(Execution)):
        assert MARK not in as_ada.get(page, {"q": "secret"}).content.decode()
    assert as_ada.get(address(Mail), {"q": "/key/9"}).context["cl"].result_count == 0


# --- What a page of one row says ------------------------------------------------------------------


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_a_page_of_one_row_writes_its_times_for_people_and_says_where_there_is_none(
    model: type[models.Model], scene: Scene, as_root: Client
) -> None:
    if model is ActivityEvent:
        record("signed in", by=None)  # by the site itself
    row = model._default_manager.order_by("-pk").first()
    assert row is not None
    page = as_root.get(address(model, "change", row.pk)).content.decode()
    shown = re.findall(r"<h1.*?</h2>|<div class=\"readonly\">.*?</div>", page, re.DOTALL)
    values = [" ".join(unescape(strip_tags(one)).split()) for one in shown]
    assert not [value for value in values if value in {"", "None"} or MACHINE_TIME.search(value)]


def test_a_mail_that_was_sent_is_not_announced_for_another_try(
    scene: Scene, as_root: Client
) -> None:
    Mail.objects.update(next_try_at=datetime(2031, 5, 6, tzinfo=UTC))
    pages = [address(Mail), address(Mail, "change", scene.mail.pk)]
    assert all("6 May 2031" in as_root.get(page).content.decode() for page in pages)
    Mail.objects.update(sent_at=timezone.now())
    assert not any("6 May 2031" in as_root.get(page).content.decode() for page in pages)


# --- Searches ------------------------------------------------------------------------------------


UNCHANGEABLE = {"sha256", "execution__id"}


def marked(model: type[models.Model], column: str, scene: Scene) -> tuple[Any, str]:
    """Return a row of the list, and what its searched column holds: the mark, where it can be
    changed."""
    name = column.rpartition("__")[2]
    if model is ActivityEvent:
        return ActivityEvent.objects.create(action="signed in", **{column: MARK}), MARK
    row = {
        User: scene.root,
        RegisteredModel: scene.draft.model,
        ModelVersion: scene.draft,
        FailureGroup: scene.group,
        SupportRequest: scene.support,
        Notification: scene.notification,
        Mail: scene.mail,
        ApiToken: scene.token,
        Invitation: scene.invitation.invitation,
        Group: scene.team,
    }[model]
    held = row
    for step in column.split("__")[:-1]:
        held = getattr(held, step)
    value: Any = [f"{MARK}@example.com"] if name == "recipients" else MARK
    if name == "email":
        value = f"{MARK}-{held.pk}@example.com"
    if column in UNCHANGEABLE:
        return row, str(getattr(held, name))
    type(held)._default_manager.filter(pk=held.pk).update(**{name: value})
    return row, MARK


def searches() -> list[tuple[type[models.Model], str]]:
    return [
        (model, column) for model in LISTS for column in admin.site._registry[model].search_fields
    ]


@pytest.mark.parametrize(
    ("model", "column"), searches(), ids=lambda one: getattr(one, "__name__", one)
)
def test_a_list_searches_only_what_its_pages_show(
    model: type[models.Model], column: str, scene: Scene, as_root: Client
) -> None:
    row, sought = marked(model, column, scene)
    found = as_root.get(address(model), {"q": sought}).context["cl"]
    assert row.pk in {one.pk for one in found.result_list}
    shown = as_root.get(address(model)).content.decode()
    for part in TABS if model is ModelVersion else ("",):
        shown += as_root.get(address(model, "change", row.pk), {"tab": part}).content.decode()
    assert sought in shown


def test_the_list_of_executions_finds_people_by_the_address_that_its_pages_show(
    as_ada: Client, alice: User
) -> None:
    execution = make_execution(user=alice)
    assert (
        execution.public_id in as_ada.get(address(Execution), {"q": alice.email}).content.decode()
    )
    page = as_ada.get(address(Execution, "change", execution.pk)).content.decode()
    assert quote(alice.email) in page


@pytest.mark.parametrize("text", ["%", "_", "\\", "%' OR 1=1", "z_4marker", "zq4%er", "\\%"])
def test_a_pattern_in_a_search_is_its_own_text(text: str, scene: Scene, as_root: Client) -> None:
    for model, column in searches():
        marked(model, column, scene)
    for model in LISTS:
        if admin.site._registry[model].search_fields or model is Execution:
            answer = as_root.get(address(model), {"q": text})
            assert answer.context["cl"].result_count == 0, (model, text)


# --- Other ways ----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_a_list_is_sorted_only_by_what_it_shows(
    model: type[models.Model], root: User, scene: Scene
) -> None:
    page = admin.site._registry[model]
    known = {"pk", "id"} | {name.lstrip("-") for name in map(str, model._meta.ordering or ())}
    for place in range(-2, len(page.list_display) + 2):
        for order in (f"{place}", f"-{place}", f"{place}.-{place}"):
            request = RequestFactory().get("/", {"o": order})
            request.user = root
            changes: ChangeList = page.get_changelist_instance(request)
            used = {str(one).lstrip("-") for one in changes.queryset.query.order_by}
            shown = {str(changes.get_ordering_field(name)) for name in page.list_display}
            assert used <= shown | known


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_no_popup_refers_to_a_row_by_another_column(
    model: type[models.Model], as_root: Client
) -> None:
    for field in model._meta.fields:
        for query in ({"_to_field": field.name}, {"_to_field": field.name, "_popup": "1"}):
            expected = 200 if field.primary_key else 400
            assert as_root.get(address(model), query).status_code == expected, field.name
            if model is not Execution and not field.primary_key:  # whose page is found by its ID
                page = as_root.get(address(model, "change", "1"), query)
                assert page.status_code == 400, field.name


def test_suggestions_are_found_by_what_the_lists_search_alone(
    as_ada: Client, scene: Scene, alice: User
) -> None:
    """No page asks for suggestions; the address is Django's own."""
    for source in (Execution, Notification, ActivityEvent, Deployment, SupportRequest, Mail):
        for field in source._meta.fields:
            query: dict[str, Any] = {
                "app_label": source._meta.app_label,
                "model_name": source._meta.model_name,
                "field_name": field.name,
                "term": alice.email,
            }
            answer = as_ada.get("/admin/autocomplete/", query)
            if field.related_model in {RegisteredModel, ModelVersion}:
                assert answer.json()["results"] == []
                assert (
                    as_ada.get("/admin/autocomplete/", query | {"term": "\x00"}).status_code == 200
                )
            else:
                assert answer.status_code in {403, 404}, (source, field.name)


def test_an_export_takes_the_same_filters_as_its_list(as_root: Client, alice: User) -> None:
    record("signed in", by=alice)
    for query, status in (
        ("actor__password__startswith=a", 400),
        ("before__x__gt=1", 400),
        ("address__gt=1", 400),
        ("at__year=soon", 302),
        ("at__year=9999", 302),
        ("action=%00", 302),
        ("action=signed+in", 200),
    ):
        answer = as_root.post(f"{address(ActivityEvent, 'export')}?{query}")
        assert answer.status_code == status, query
    for query in ("note__startswith=a", "user__password__startswith=a"):
        answer = as_root.post(f"{address(Execution, 'export')}?{query}")
        assert answer.status_code == 200  # its form reads its own fields and nothing else
    last = ActivityEvent.objects.filter(action="predictions exported").latest("id")
    assert (last.after or {}).get("filter", "") == ""


HOSTILE = ("\x00", "9" * 40, "-1", "9999", "\udcff", "10000-01-01")
PAGES = {
    "/history/": ("q", "from", "to", "model", "status", "before", "after"),
    "/monitoring/": ("from", "to", "model", "version"),
    "/monitoring/failures/": ("state", "model", "before", "after"),
    "/monitoring/requests/": ("state", "before", "after", "page"),
    "/notifications/": ("before", "after", "page", "kind"),
    "/presets/": ("q", "model", "page"),
}


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_no_value_in_an_address_is_an_error_of_the_site(
    value: str, as_root: Client, scene: Scene
) -> None:
    asked = {address(model): (*OWN_FILTERS[model], "q", "o", "p", "all") for model in LISTS}
    for page, names in (asked | PAGES).items():
        for name in names:
            query = f"{name}={value}".encode(errors="surrogateescape")
            answer = as_root.get(page, QUERY_STRING=query.decode("latin-1"))
            assert answer.status_code < 500, (page, name)
