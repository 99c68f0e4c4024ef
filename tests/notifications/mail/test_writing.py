"""Mails of notifications: each with its text, once, bundled, and never lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from notifications.mail import writing
from notifications.models import Channel, Context, Kind, Mail, Notification, Preference
from notifications.services import notify, notify_everyone
from tests.factories import make_user
from tests.post_office import PostOffice, body, post_office

__all__ = ["post_office"]

DEPLOYED = {
    "model": "Loan repayment risk",
    "version": "v4",
    "previous": "v3",
    "deployed_at": "2026-11-19T09:02:00+00:00",
    "description": "Estimates how likely a loan is repaid.",
    "changes": "Trained on data to September 2026.",
    "added": ["Time in current job"],
    "removed": [],
    "changed": ["Income"],
    "metrics": ["ROC AUC 0.871, was 0.866."],
}
ROLLED_BACK = {
    "model": "House price",
    "version": "v6",
    "previous": "v7",
    "at": "2026-11-21T15:40:00+00:00",
    "from": "2026-11-20T08:00:00+00:00",
    "to": "2026-11-21T15:40:00+00:00",
    "reason": "",
}
FAILED = {
    "model": "Loan repayment risk",
    "version": "v4",
    "requested_at": "2026-11-21T16:20:00+00:00",
    "links": [["Try again with the same inputs", "/models/loan/?from=1"]],
}
SITE = "http://testserver.example"


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.SITE_URL = SITE


def announce(kind: Kind = Kind.DEPLOYMENT, **changes: Any) -> None:
    context = (DEPLOYED if kind == Kind.DEPLOYMENT else ROLLED_BACK) | changes
    notify_everyone(
        kind=kind,
        cause=f"{kind} 1",
        title="A title",
        url="/models/loan/",
        context=Context.stored(context),
    )


def fail(user: User, number: int, *, bundle: str = "model 1 MODEL") -> None:
    notify(
        user,
        kind=Kind.EXECUTION_FAILED,
        cause=f"execution {number}",
        title=f"Your prediction P-{number} failed",
        text="The model failed on these inputs. (code MODEL)",
        url=f"/predictions/{number}/",
        context=Context.stored(FAILED),
        bundle=bundle,
    )


def letters(office: PostOffice) -> list[Any]:
    writing.write_due(100)
    return office.collect()


def one(office: PostOffice) -> Any:
    (letter,) = letters(office)
    return letter


def test_a_deployment_says_what_changed_in_the_persons_time(post_office: PostOffice) -> None:
    make_user("mira@example.com", name="Mira", timezone="Europe/Zagreb")
    announce()
    letter = one(post_office)
    text = body(letter, "plain")
    assert letter["Subject"] == "New model available: Loan repayment risk v4"
    assert (
        "Hello Mira, a new version of Loan repayment risk has been available since"
        " 19 Nov 2026, 10:02 CET.\n\nEstimates how likely a loan is repaid.\n\n"
        "What changed from v3: Trained on data to September 2026.\n\n"
        "Inputs added: Time in current job · changed: Income\n\nROC AUC 0.871, was 0.866.\n\n"
        f"Open the model:\n{SITE}/models/loan/\n\n"
        "You get this because deployment notices are on. Switch off:\n"
        f"{SITE}/notifications/off/"
    ) in text
    html = body(letter, "html")
    for words in ("Time in current job", "0.871, was 0.866", f'href="{SITE}/models/loan/"'):
        assert words in html


def test_a_first_version_has_no_list_of_changes(alice: User, post_office: PostOffice) -> None:
    announce(previous="", added=["Age"])
    letter = one(post_office)
    for kind in ("plain", "html"):
        assert "This is the first version that people can use." in body(letter, kind)
        assert "Trained on data to September 2026." in body(letter, kind)
        assert "a new version" not in body(letter, kind).lower()
        assert "What changed" not in body(letter, kind)
        assert "Inputs" not in body(letter, kind)


def test_equal_inputs_are_said_to_be_equal(alice: User, post_office: PostOffice) -> None:
    announce(added=[], changed=[], metrics=[])
    letter = one(post_office)
    assert "The inputs are the same." in body(letter, "plain")
    assert "The inputs are the same." in body(letter, "html")


def test_a_rollback_says_since_when_and_why(alice: User, post_office: PostOffice) -> None:
    announce(Kind.ROLLBACK)
    letter = one(post_office)
    assert letter["Subject"] == "House price: back to v6"
    assert (
        "Since 21 Nov 2026, 15:40 UTC, predictions have been made with v6 again instead of v7."
        " Reason: No reason given"
    ) in body(letter, "plain")
    assert "between 20 Nov 2026, 08:00 UTC and 21 Nov 2026, 15:40 UTC" in body(letter, "html")


def test_a_retirement_says_since_when_and_why_and_that_the_history_is_kept(
    alice: User, post_office: PostOffice
) -> None:
    announce(Kind.RETIREMENT, reason="The data ended.")
    letter = one(post_office)
    assert letter["Subject"] == "House price is not available any more"
    assert (
        "House price has not been available since 21 Nov 2026, 15:40 UTC."
        " Reason: The data ended.\n\nYour history is kept"
    ) in body(letter, "plain")
    assert f'href="{SITE}/models/loan/"' in body(letter, "html")


def test_a_failure_says_what_happened_and_what_to_do(alice: User, post_office: PostOffice) -> None:
    fail(alice, 1)
    letter = one(post_office)
    assert letter["Subject"] == "Your prediction P-1 failed"
    assert (
        "Your prediction with Loan repayment risk v4 from 21 Nov 2026, 16:20 UTC did not finish."
        " The model failed on these inputs. (code MODEL)\n\n"
        f"Try again with the same inputs:\n{SITE}/models/loan/?from=1\n"
    ) in body(letter, "plain")


def test_other_notices_have_their_title_as_subject(ada: User, post_office: PostOffice) -> None:
    notify(
        ada,
        kind=Kind.SUPPORT_REQUEST,
        cause="request 1",
        title="Support request: P-1",
        text="Why?\nhttp://evil.example/",
        url="/admin/",
        context=Context(reply_to="alice@example.com\nBcc: eve@example.com"),
    )
    letter = one(post_office)
    assert letter["Subject"] == "Support request: P-1"
    assert letter["Bcc"] is None
    assert "http://evil.example/" in body(letter, "plain")
    assert 'href="http://evil.example' not in body(letter, "html")


def test_hostile_names_stay_text_and_one_line(alice: User, post_office: PostOffice) -> None:
    announce(model="<b>Loan</b>\r\nBcc: eve@example.com\n\n{{ user }}")
    letter = one(post_office)
    assert letter["Bcc"] is None
    assert post_office.recipients == ["alice@example.com"]
    assert letter["Subject"].startswith("New model available: <b>Loan</b> Bcc: eve@example.com {{")
    assert "<b>Loan" not in body(letter, "html")
    assert "&lt;b&gt;Loan" in body(letter, "html")


def test_a_name_turns_nothing_in_a_mail_and_steers_no_terminal(
    alice: User, post_office: PostOffice
) -> None:
    announce(model="Loan \u202erisk\x1b[2J", changes="More\u202e data\u2067", added=["שכר"])
    letter = one(post_office)
    text = body(letter, "plain")
    assert "a new version of \u2068Loan risk[2J\u2069 has been available" in text
    assert "What changed from v3: More data" in text
    assert "Inputs added: \u2068שכר\u2069" in text
    for words in (letter["Subject"], text, body(letter, "html")):
        assert not set(words) & set("\x1b\u202e\u2067")


def test_a_mail_can_be_switched_off_by_the_mail_program(
    alice: User, post_office: PostOffice
) -> None:
    announce()
    letter = one(post_office)
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = letter["List-Unsubscribe"].strip(" <>")
    assert address.startswith(f"{SITE}/notifications/off/")
    assert f'href="{address}"' in body(letter, "html")


def test_a_mail_is_written_once(alice: User, post_office: PostOffice) -> None:
    announce()
    one(post_office)
    Notification.objects.update(mail_due_at=timezone.now())
    assert letters(post_office) == []


def test_a_writer_that_died_is_followed_by_another(
    alice: User, post_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise MemoryError

    announce()
    with monkeypatch.context() as broken:
        broken.setattr(writing, "_send", die)
        with pytest.raises(MemoryError):
            writing.write_due(1)
    assert not Mail.objects.exists()
    assert letters(post_office) == []  # it is taken until the dead one must have ended
    Notification.objects.update(mail_due_at=F("mail_due_at") - writing.TAKEN_FOR)
    one(post_office)


def test_one_that_cannot_be_written_does_not_hold_up_the_others(
    alice: User, bob: User, post_office: PostOffice
) -> None:
    fail(alice, 1)
    fail(bob, 2)
    Notification.objects.filter(user=alice).update(
        kind="unknown", mail_due_at=F("mail_due_at") - timedelta(minutes=1)
    )
    with pytest.raises(ValueError, match="unknown"):
        writing.write_due(1)
    assert "P-2" in one(post_office)["Subject"]


def test_the_same_problem_is_mailed_once_in_15_minutes_and_counted_later(
    alice: User, post_office: PostOffice
) -> None:
    fail(alice, 1)
    assert one(post_office)["Subject"] == "Your prediction P-1 failed"
    for number in range(2, 7):
        fail(alice, number)
        assert letters(post_office) == []
    assert Notification.objects.shown_to(alice).unread().count() == 6
    Notification.objects.filter(cause="execution 1").update(
        mailed_at=F("mailed_at") - timedelta(minutes=15)
    )
    Notification.objects.filter(mailed_at=None).update(mail_due_at=timezone.now())
    letter = one(post_office)
    assert letter["Subject"] == "Your prediction P-2 failed, and 4 more"
    assert "4 more of your predictions" in body(letter, "html")
    assert letters(post_office) == []


def test_another_problem_or_person_has_a_mail_of_its_own(
    alice: User, bob: User, post_office: PostOffice
) -> None:
    fail(alice, 1)
    fail(alice, 2, bundle="model 1 TIMEOUT")
    fail(bob, 3)
    assert len(letters(post_office)) == 3


def test_who_switched_off_meanwhile_gets_no_mail(alice: User, post_office: PostOffice) -> None:
    announce()
    Preference.objects.create(user=alice, kind=Kind.DEPLOYMENT, channel=Channel.EMAIL)
    assert letters(post_office) == []
    assert Notification.objects.get().mail_due_at is None


def test_who_was_disabled_meanwhile_gets_no_mail(alice: User, post_office: PostOffice) -> None:
    announce()
    User.objects.update(is_active=False)
    assert letters(post_office) == []


def test_a_server_that_is_away_costs_nobody_a_notice(alice: User, post_office: PostOffice) -> None:
    post_office.refusal = "451 Busy"
    announce()
    assert letters(post_office) == []
    post_office.refusal = ""
    Mail.objects.update(next_try_at=timezone.now())
    post_office.one()
