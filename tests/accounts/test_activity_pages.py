"""The activity record and a person's page, as a superuser reads them: sentences, not raw data."""

import re
from pathlib import Path

import pytest
from django.test import Client

from accounts.activity import record
from accounts.activity_words import sentence
from accounts.models import ActivityEvent, User
from notifications.models import Kind
from notifications.services import notify

LIST = "/admin/accounts/activityevent/"


@pytest.fixture
def as_root(root: User, client: Client) -> Client:
    client.force_login(root)
    return client


@pytest.mark.parametrize(
    ("action", "target", "before", "after", "said"),
    [
        (
            "role changed", "uma@example.com", {"role": "user"}, {"role": "admin"},
            "Changed the role of uma@example.com from user to admin",
        ),
        ("version promoted", "Loan v2", None, {"active": "v2"}, "Promoted version Loan v2"),
        ("test case saved", "Loan v2", None, {"case": "A"}, "Saved the test case of Loan v2"),
        ("sign-in failed", "x@example.com", None, None, "Failed to sign in as x@example.com"),
        ("workers back", "", None, {"down_seconds": 3}, "A worker was running again"),
        ("tested", "", None, None, "Tested"),
        (
            "runtime changed", "Loan v2", {"scikit-learn": "1.5"},
            {"scikit-learn": "1.6", "all answers equal": True},
            "Changed the runtime of Loan v2 from 1.5 to 1.6",
        ),
    ],
)  # fmt: skip
def test_an_action_is_a_sentence(
    action: str, target: str, before: dict[str, str], after: dict[str, str], said: str
) -> None:
    event = ActivityEvent(action=action, target=target, before=before, after=after)
    assert sentence(event) == said


def test_every_action_that_the_product_records_is_a_sentence_of_its_own_words() -> None:
    root = Path(__file__).resolve().parents[2]
    found = set()
    for app in ("accounts", "notifications", "models_registry", "executions", "monitoring",
                "presets", "config"):  # fmt: skip
        for file in (root / app).rglob("*.py"):
            text = file.read_text()
            found |= set(re.findall(r'\brecord\(\s*"([^"]+)"', text))
    assert len(found) > 40
    for action in found:
        said = sentence(ActivityEvent(action=action, target="it", before=None, after=None))
        first = said.split()[0]
        assert first[0].isupper(), said
        assert said != action.capitalize() or action.split()[0].endswith("ed"), said


def test_the_list_has_sentences_and_no_raw_data(as_root: Client, root: User, bob: User) -> None:
    record(
        "role changed", by=root, target=bob.email, before={"role": "user"}, after={"role": "admin"}
    )
    page = as_root.get(LIST).content.decode()
    assert "Changed the role of bob@example.com from user to admin" in page
    assert "{&quot;" not in page
    assert "{&#" not in page
    assert "{'" not in page


def test_the_page_of_one_action_has_its_details_as_a_table(
    as_root: Client, root: User, bob: User
) -> None:
    event = record(
        "account disabled",
        by=root,
        target=bob.email,
        before={"status": "active"},
        after={"status": "disabled", "reason": "Left the company", "types": ["a", "b"], "n": 1234},
    )
    page = as_root.get(f"{LIST}{event.pk}/change/").content.decode()
    rows = [
        re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row)
        for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL)
    ]
    assert ["Status", "active", "disabled"] in rows
    assert ["Reason", "–", "Left the company"] in rows
    assert ["Types", "–", "a, b"] in rows
    assert ["N", "–", "1,234"] in rows


def test_numbers_in_the_details_follow_the_readers_choice(as_root: Client, root: User) -> None:
    User.objects.filter(pk=root.pk).update(number_format=",")
    event = record("predictions purged", by=None, after={"removed": 1234.5})
    assert "1.234,5" in as_root.get(f"{LIST}{event.pk}/change/").content.decode()


def test_what_the_site_did_by_itself_names_no_person(as_root: Client) -> None:
    record("backup made", by=None, target="/backups/1")
    page = as_root.get(LIST).content.decode()
    assert "The site itself" in page
    assert "Made a backup in /backups/1" in page


def test_a_persons_page_names_each_act_where_it_leads(as_root: Client, bob: User) -> None:
    page = as_root.get(f"/admin/accounts/user/{bob.pk}/change/").content.decode()
    assert f'<a href="/admin/accounts/user/{bob.pk}/act/make-admin/">Make admin</a>' in page
    assert ">Open</a>" not in page


def test_a_person_without_a_second_factor_is_no_error(as_root: Client, bob: User) -> None:
    page = as_root.get(f"/admin/accounts/user/{bob.pk}/change/").content.decode()
    assert "No second factor" in page
    assert "icon-no" not in page


def test_yes_and_no_are_words_in_every_list_of_the_admin(as_root: Client, bob: User) -> None:
    notify(bob, kind=Kind.MESSAGE, cause="1", title="Hello")
    page = as_root.get("/admin/notifications/notification/").content.decode()
    assert "icon-yes" not in page
    assert re.search(r'class="field-is_shown">Yes</td>', page)


def test_a_list_is_named_after_what_it_lists(as_root: Client) -> None:
    page = as_root.get("/admin/models_registry/modelversion/").content.decode()
    assert "<h1>Versions</h1>" in page
    assert "to change" not in page
    assert "to view" not in page


def test_a_saved_change_is_told_without_praise(as_root: Client) -> None:
    answer = as_root.post(
        "/admin/models_registry/registeredmodel/add/",
        {
            "name": "Flat prices", "description": "", "load_seconds": 30, "predict_seconds": 10,
            "slow_seconds": 3, "_continue": "1",
        },
        follow=True,
    )  # fmt: skip
    page = answer.content.decode()
    assert "was added." in page
    assert "successfully" not in page
