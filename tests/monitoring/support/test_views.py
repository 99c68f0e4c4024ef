"""Requests for help: people ask, admins answer or write first; both keep the thread."""

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.privacy import personal_data
from executions.models import Execution
from models_registry.models import ModelVersion
from monitoring.failures.collecting import collect
from monitoring.models import FailureGroup, SupportMessage, SupportRequest
from notifications.mail import writing
from notifications.models import Kind, Notification
from tests.factories import LOAN_OUTPUTS, make_execution


@pytest.fixture
def failure(active_version: ModelVersion, alice: User) -> Execution:
    return make_execution(
        version=active_version, user=alice, error_code="MODEL", message="KeyError: 'x'"
    )


def ask(client: Client, execution: Execution, text: str = "What does it not like?") -> int:
    return client.post(f"/predictions/{execution.pk}/help/", {"text": text}).status_code


def test_the_result_page_leads_to_the_administrators(
    as_alice: Client, failure: Execution, alice: User
) -> None:
    shown = as_alice.get(f"/predictions/{failure.pk}/").content.decode()
    assert "Ask an administrator" in shown
    done = make_execution(user=alice, version=failure.version, outputs=LOAN_OUTPUTS)
    assert "Report a problem" in as_alice.get(f"/predictions/{done.pk}/").content.decode()


def test_all_admins_are_told_and_see_the_inputs(
    as_alice: Client, as_ada: Client, failure: Execution, ada: User, root: User
) -> None:
    assert ask(as_alice, failure) == 302
    told = Notification.objects.filter(kind=Kind.SUPPORT_REQUEST)
    assert {one.user for one in told} == {ada, root}
    support = SupportRequest.objects.get()
    shown = as_ada.get(f"/monitoring/requests/{support.pk}/").content.decode()
    assert "What does it not like?" in shown
    assert "34 years" in shown
    assert "What does it not like?" in as_ada.get("/monitoring/requests/").content.decode()


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001])
def test_a_message_is_required_and_has_a_length(
    as_alice: Client, failure: Execution, text: str
) -> None:
    assert ask(as_alice, failure, text) == 422
    assert not SupportRequest.objects.exists()


def test_nobody_asks_about_another_persons_prediction(failure: Execution, bob: User) -> None:
    client = Client()
    client.force_login(bob)
    assert ask(client, failure) == 404


def test_an_answer_reaches_the_person_and_the_prediction(
    as_alice: Client, as_ada: Client, failure: Execution, alice: User
) -> None:
    ask(as_alice, failure)
    support = SupportRequest.objects.get()
    as_ada.post(f"/monitoring/requests/{support.pk}/", {"text": "Use another purpose."})
    support.refresh_from_db()
    assert support.state == SupportRequest.State.ANSWERED
    assert Notification.objects.get(user=alice, kind=Kind.MESSAGE).text == "Use another purpose."
    thread = as_alice.get(f"/predictions/{failure.pk}/").content.decode()
    assert "Use another purpose." in thread
    ask(as_alice, failure, "That helped.")
    support.refresh_from_db()
    assert support.state == SupportRequest.State.OPEN


def test_a_closed_request_leaves_the_open_ones(
    as_alice: Client, as_ada: Client, failure: Execution
) -> None:
    ask(as_alice, failure)
    support = SupportRequest.objects.get()
    as_ada.post(f"/monitoring/requests/{support.pk}/close/")
    assert "Nobody is waiting" in as_ada.get("/monitoring/requests/").content.decode()


def test_an_admin_writes_first_with_words_that_name_the_prediction_alone(
    as_ada: Client, ada: User, alice: User, failure: Execution, mailoutbox: list[EmailMessage]
) -> None:
    collect()
    page = as_ada.get(f"/monitoring/predictions/{failure.pk}/contact/")
    draft = page.context["form"].initial
    assert failure.public_id in draft["subject"]
    as_ada.post(
        f"/monitoring/predictions/{failure.pk}/contact/",
        {"subject": draft["subject"], "text": "We mend it in v5."},
    )
    writing.write_due(10)
    (mail,) = [mail for mail in mailoutbox if mail.to == [alice.email]]
    assert mail.subject == f"About your prediction {failure.public_id}"
    assert mail.extra_headers["Reply-To"] == ada.email
    assert "We mend it in v5." in mail.body
    timeline = as_ada.get(f"/monitoring/failures/{FailureGroup.objects.get().pk}/")
    assert "We mend it in v5." in timeline.content.decode()


def test_nobody_is_written_to_about_what_they_deleted(as_ada: Client, failure: Execution) -> None:
    Execution.objects.update(deleted_at=timezone.now())
    page = as_ada.get(f"/monitoring/predictions/{failure.pk}/contact/")
    assert page.status_code == 404


def test_a_persons_messages_are_theirs_to_take_and_go_with_them(
    as_alice: Client, as_ada: Client, failure: Execution, alice: User, ada: User
) -> None:
    ask(as_alice, failure)
    assert personal_data.everything(alice)["messages"][0]["text"] == "What does it not like?"
    personal_data.erase(alice)
    assert SupportMessage.objects.get().text == ""
    assert not Notification.objects.filter(text__contains="not like").exists()
    shown = as_ada.get("/monitoring/requests/").content.decode()
    assert "not like" not in shown
