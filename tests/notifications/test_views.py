"""The pages of notifications: list, bell, banner, preferences, and the unsubscribe link of a
mail."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import ActivityEvent, User
from accounts.privacy.personal_data import erase, everything
from notifications.models import Channel, Context, Kind, Mail, Notification, Preference
from notifications.preferences import choices_of, switch_off_path
from notifications.services import notify
from tests.factories import make_version

LIST = "/notifications/"
NEWS = "/notifications/news/"
SETTINGS = "/notifications/settings/"


def tell(user: User, number: int = 1, **changes: Any) -> Notification:
    words = {
        "kind": Kind.EXECUTION_FAILED,
        "cause": f"execution {number}",
        "title": f"Your prediction P-{number} failed",
        "url": f"/predictions/{number}/",
    }
    notify(user, **words | changes)
    return Notification.objects.latest("pk")


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_the_bell_counts_what_is_unread_on_every_page(as_alice: Client, alice: User) -> None:
    assert 'aria-label="Notifications"' in text_of(as_alice.get("/history/"))
    tell(alice)
    assert 'aria-label="Notifications, 1 unread"' in text_of(as_alice.get("/history/"))


def test_the_bell_says_that_there_are_very_many(as_alice: Client, alice: User) -> None:
    for number in range(101):
        tell(alice, number)
    assert 'aria-label="Notifications, 99+ unread"' in text_of(as_alice.get("/history/"))


def test_looking_at_the_list_reads_nothing(as_alice: Client, alice: User) -> None:
    tell(alice)
    assert "New</span>" in text_of(as_alice.get(LIST))
    assert Notification.objects.unread().count() == 1


def test_the_list_has_pages_of_25(as_alice: Client, alice: User) -> None:
    for number in range(30):
        tell(alice, number)
    first = text_of(as_alice.get(LIST))
    older = re.search(r'href="(\?before=\d+)"', first)
    assert older
    second = text_of(as_alice.get(LIST + older[1]))
    titles = [re.findall(r">Your prediction (P-\d+) failed</a>", page) for page in (first, second)]
    assert titles[0] + titles[1] == [f"P-{number}" for number in reversed(range(30))]
    assert len(titles[0]) == 25


@pytest.mark.parametrize("before", ["", "x", "-1", "9" * 30])
def test_a_page_that_does_not_exist_is_the_first(as_alice: Client, before: str) -> None:
    assert as_alice.get(LIST, {"before": before}).status_code == 200


def test_one_or_all_are_marked_read(as_alice: Client, alice: User) -> None:
    one = tell(alice, 1)
    tell(alice, 2)
    as_alice.post(f"{LIST}{one.pk}/read/")
    assert "P-1" not in text_of(as_alice.get(LIST, {"unread": 1}))
    as_alice.post(f"{LIST}read/")
    assert "No unread notifications" in text_of(as_alice.get(LIST, {"unread": 1}))


@pytest.mark.parametrize("page", ["//evil.example/", "https://evil.example/", ""])
def test_reading_leads_nowhere_else(as_alice: Client, alice: User, page: str) -> None:
    row = tell(alice)
    assert as_alice.post(f"{LIST}{row.pk}/read/", {"next": page})["Location"] == LIST


def test_what_is_wanted_by_mail_alone_is_not_in_the_list(as_alice: Client, alice: User) -> None:
    Preference.objects.create(user=alice, kind=Kind.EXECUTION_FAILED, channel=Channel.IN_APP)
    tell(alice)
    assert "No notifications yet" in text_of(as_alice.get(LIST))


def test_hostile_words_stay_text(as_alice: Client, alice: User) -> None:
    tell(alice, title="<script>alert(1)</script>", text="<b>x</b>")
    for page in (LIST, f"{NEWS}?state=0-0"):
        assert "<script>alert" not in text_of(as_alice.get(page))
        assert "&lt;script&gt;" in text_of(as_alice.get(page))


def state_of(client: Client) -> str:
    found = re.search(r'data-state="([\d-]+)"', text_of(client.get("/history/")))
    assert found
    return found[1]


def test_an_open_page_learns_what_is_new_and_only_that(as_alice: Client, alice: User) -> None:
    tell(alice, 1)
    state = state_of(as_alice)
    assert as_alice.get(NEWS, {"state": state}).status_code == 204
    tell(alice, 2)
    answer = text_of(as_alice.get(NEWS, {"state": state}))
    assert "P-2" in answer
    assert "P-1" not in answer
    assert "2 unread" in answer


def test_an_open_page_learns_what_was_read_elsewhere(as_alice: Client, alice: User) -> None:
    tell(alice)
    state = state_of(as_alice)
    as_alice.post(f"{LIST}read/")
    answer = as_alice.get(NEWS, {"state": state})
    assert "unread" not in text_of(answer)
    assert "note" not in text_of(answer)


@pytest.mark.parametrize("state", ["", "x-1", "9" * 40, "-", "²-1"])
def test_a_state_nobody_gave_is_answered_with_the_bell_alone(
    as_alice: Client, alice: User, state: str
) -> None:
    tell(alice)
    answer = text_of(as_alice.get(NEWS, {"state": state}))
    assert "1 unread" in answer
    assert "P-1" not in answer


def test_asking_for_news_takes_two_queries_and_writes_nothing(
    as_alice: Client, alice: User
) -> None:
    state = state_of(as_alice)
    User.objects.update(last_seen_at=None)
    with CaptureQueriesContext(connection) as queries:
        answer = as_alice.get(NEWS, {"state": state})
    assert answer.status_code == 204
    assert answer.cookies == {}
    statements = [query["sql"].split()[0] for query in queries]
    assert statements == ["SELECT"] * 2  # the session with its person, what is unread


def test_who_is_not_signed_in_is_told_nothing(client: Client) -> None:
    assert client.get(NEWS).status_code == 302


def announce(user: User, number: int = 1, **context: Any) -> Notification:
    return tell(
        user,
        kind=Kind.DEPLOYMENT,
        cause=f"deployment {number}",
        title=f"New model available: Loan v{number}",
        context=Context(**context),
    )


def test_news_about_a_model_stands_above_its_pages_until_put_away(
    as_alice: Client, alice: User
) -> None:
    version, other = make_version(is_active=True), make_version(is_active=True)
    row = announce(alice, model_id=version.model_id)
    pages = ["/", reverse("executions:create", args=[version.model.slug])]
    for page in pages:
        assert row.title in text_of(as_alice.get(page))
    assert row.title not in text_of(
        as_alice.get(reverse("executions:create", args=[other.model.slug]))
    )
    answer = as_alice.post(f"{LIST}{row.pk}/dismiss/", {"next": pages[1]})
    assert answer["Location"] == pages[1]
    for page in pages:
        assert row.title not in text_of(as_alice.get(page))
    assert not Notification.objects.unread().exists()


def test_only_the_latest_about_a_model_is_news(as_alice: Client, alice: User) -> None:
    make_version(is_active=True)
    make_version(is_active=True)
    announce(alice, 1, model_id=7)
    announce(alice, 2, model_id=7)
    page = text_of(as_alice.get("/"))
    assert "Loan v2" in page
    assert "Loan v1" not in page


def test_a_page_has_one_note_and_putting_it_away_puts_away_what_came_before(
    as_alice: Client, alice: User
) -> None:
    make_version(is_active=True)
    make_version(is_active=True)
    announce(alice, 1, model_id=7)
    row = announce(alice, 2, model_id=8)
    page = text_of(as_alice.get("/"))
    assert page.count("data-dismiss") == 1
    assert "News about 1 more model<" in page
    as_alice.post(f"{LIST}{row.pk}/dismiss/", {"next": "/"})
    assert "data-dismiss" not in text_of(as_alice.get("/"))


def test_a_models_page_puts_away_only_its_own_news(as_alice: Client, alice: User) -> None:
    announce(alice, 1, model_id=7)
    row = announce(alice, 2, model_id=8)
    as_alice.post(f"{LIST}{row.pk}/dismiss/", {"model": 8})
    assert Notification.objects.announced().get().context == {"model_id": 7}


def test_a_script_that_reads_or_dismisses_stays_where_it_is(as_alice: Client, alice: User) -> None:
    row = tell(alice)
    for act in ("read", "dismiss"):
        answer = as_alice.post(f"{LIST}{row.pk}/{act}/", headers={"HX-Request": "true"})
        assert answer.status_code == 204


def boxes(user: User) -> list[str]:
    return [value for choice in choices_of(user) for value, _, is_on in choice.fields if is_on]


def test_everything_is_on_until_it_is_switched_off(as_alice: Client, alice: User) -> None:
    assert len(boxes(alice)) == 12
    wanted = [box for box in boxes(alice) if box != "deployment.email"]
    as_alice.post(SETTINGS, {"on": wanted})
    assert boxes(alice) == wanted
    assert Preference.objects.count() == 1  # only what differs is stored
    as_alice.post(SETTINGS, {"on": [*wanted, "deployment.email"]})
    assert not Preference.objects.exists()


def test_a_change_of_choices_is_recorded_once(as_alice: Client, alice: User) -> None:
    for _ in range(2):
        as_alice.post(SETTINGS, {"on": ["message.email"]})
    (event,) = ActivityEvent.objects.filter(action="notifications chosen")
    assert event.after
    assert "A new version is deployed: E-mail" in event.after["off"]


def test_admins_choose_about_what_concerns_admins(
    as_ada: Client, as_alice: Client, ada: User
) -> None:
    assert "A worker is down" in text_of(as_ada.get(SETTINGS))
    assert "A worker is down" not in text_of(as_alice.get(SETTINGS))
    assert len(boxes(ada)) == 24


def test_choices_about_what_does_not_concern_a_person_change_nothing(
    as_alice: Client, alice: User
) -> None:
    Preference.objects.create(user=alice, kind=Kind.WORKER_DOWN, channel=Channel.EMAIL)
    as_alice.post(SETTINGS, {"on": [*boxes(alice), "worker_down.email", "nonsense"]})
    assert Preference.objects.count() == 1


def test_the_link_in_a_mail_shows_first_and_switches_off_by_its_button(
    client: Client, alice: User
) -> None:
    page = switch_off_path(alice, Kind.DEPLOYMENT)
    assert "Switch off deployment notices by e-mail" in text_of(client.get(page))
    assert not Preference.objects.exists()
    assert "Switched off" in text_of(client.post(page))
    assert (Kind.DEPLOYMENT, Channel.EMAIL) in Preference.objects.values_list("kind", "channel")
    assert Preference.objects.count() == 1


def test_a_mail_program_switches_off_in_one_step_without_a_session(alice: User) -> None:
    program = Client(enforce_csrf_checks=True)
    page = switch_off_path(alice, Kind.DEPLOYMENT)
    for _ in range(2):
        answer = program.post(page, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert Preference.objects.get().user == alice
    assert ActivityEvent.objects.filter(action="notifications chosen").count() == 1


@pytest.mark.parametrize("change", [lambda t: t[:-1] + ("a" if t[-1] != "a" else "b"), str.upper])
def test_a_link_nobody_here_made_leads_nowhere(client: Client, alice: User, change: Any) -> None:
    token = switch_off_path(alice, Kind.DEPLOYMENT).split("/")[-2]
    page = reverse("notifications:switch_off", args=[change(token)])
    assert client.get(page).status_code == 404
    assert client.post(page).status_code == 404


def given_up(*, is_optional: bool) -> Mail:
    return Mail.objects.create(
        sender="site@example.com",
        recipients=["alice@example.com"],
        subject="New model available: Loan",
        text="Secret words" if is_optional else "",
        tries=5,
        is_optional=is_optional,
        given_up_at="2026-11-01T00:00:00Z",
    )


def test_an_admin_sends_a_given_up_notice_again(as_ada: Client) -> None:
    row = given_up(is_optional=True)
    page = reverse("admin:notifications_mail_change", args=[row.pk])
    assert "Send again" in text_of(as_ada.get(page))
    for _ in range(2):
        as_ada.post(reverse("admin:notifications_mail_again", args=[row.pk]))
    row.refresh_from_db()
    assert (row.status, row.tries, row.text) == ("waiting", 0, "Secret words")
    assert ActivityEvent.objects.filter(action="mail sent again").count() == 1


def test_a_given_up_account_mail_cannot_be_sent_again(as_ada: Client) -> None:
    row = given_up(is_optional=False)
    as_ada.post(reverse("admin:notifications_mail_again", args=[row.pk]))
    row.refresh_from_db()
    assert row.status == "given up"


def test_the_admin_never_shows_a_mails_words(as_ada: Client) -> None:
    row = given_up(is_optional=True)
    for page in ("changelist", "change"):
        arguments = [row.pk] if page == "change" else []
        address = reverse(f"admin:notifications_mail_{page}", args=arguments)
        assert "Secret words" not in text_of(as_ada.get(address))


def test_a_person_takes_away_and_leaves_with_what_they_were_told(alice: User) -> None:
    tell(alice)
    Preference.objects.create(user=alice, kind=Kind.MESSAGE, channel=Channel.EMAIL)
    kept = everything(alice)
    assert kept["notifications"][0]["title"] == "Your prediction P-1 failed"
    assert kept["notifications_switched_off"] == [{"kind": "message", "channel": "email"}]
    erase(alice)
    assert not Notification.objects.exists()
    assert not Preference.objects.exists()
