"""US-4.3 and US-7.2: an admin handles a failure, from the bell to the person's reply."""

from django.test import Client

from accounts.models import User
from executions.models import Execution
from models_registry.models import ModelVersion
from monitoring.failures.collecting import collect
from monitoring.models import FailureGroup, State
from notifications.mail import writing
from notifications.models import Kind, Notification
from tests.factories import make_execution
from tests.post_office import PostOffice, body, post_office

__all__ = ["post_office"]


def fail(version: ModelVersion, user: User, city: str = "Oslo") -> Execution:
    return make_execution(
        version=version,
        user=user,
        error_code="MODEL",
        message=f"ValueError: Found unknown categories ['{city}'] in column 2",
    )


def test_us_4_3_an_admin_finds_reads_and_reviews_a_failure(
    as_ada: Client, ada: User, alice: User, active_version: ModelVersion
) -> None:
    failure = fail(active_version, alice)
    collect()
    told = Notification.objects.get(user=ada, kind=Kind.FAILURE_GROUP)

    page = as_ada.get(told.url).content.decode()

    assert "ValueError" in page
    assert "Found unknown categories" in page
    assert "41,500" in page  # the inputs that it failed on
    assert failure.public_id in page
    as_ada.post(f"{told.url}review/", {"category": "data", "note": "Oslo came after training."})
    listed = as_ada.get("/monitoring/failures/?state=reviewed").content.decode()
    assert "Oslo came after training." in listed
    assert FailureGroup.objects.get().state == State.REVIEWED


def test_us_4_3_failed_executions_lead_to_replay_with_debugging(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    failure = fail(active_version, alice)
    collect()
    page = as_ada.get(f"/monitoring/predictions/{failure.pk}/failure/", follow=True)
    assert "Replay" in page.content.decode()
    replayed = as_ada.post(f"/monitoring/predictions/{failure.pk}/replay/", follow=True)
    assert failure.public_id in replayed.content.decode()
    assert Execution.objects.get(purpose="replay").replay_of == failure


def test_us_4_3_retries_are_tracked(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    failure = fail(active_version, alice)
    retry = make_execution(version=active_version, user=alice, retry_of=failure)
    collect()
    page = as_ada.get(FailureGroup.objects.get().get_absolute_url()).content.decode()
    assert "1 retry by the person" in page
    assert retry.public_id in page


def test_us_4_3_the_admin_writes_to_the_person_who_replies_in_the_product(
    as_alice: Client,
    as_ada: Client,
    ada: User,
    alice: User,
    active_version: ModelVersion,
    post_office: PostOffice,
) -> None:
    failure = fail(active_version, alice)
    collect()
    as_ada.post(
        f"/monitoring/predictions/{failure.pk}/contact/",
        {"subject": f"About your prediction {failure.public_id}", "text": "We mend it today."},
    )
    writing.write_due(100)
    letter = next(one for one in post_office.collect() if one["To"] == alice.email)
    assert letter["Reply-To"] == ada.email
    assert "We mend it today." in body(letter, "plain")

    bell = Notification.objects.get(user=alice, kind=Kind.MESSAGE)
    assert "We mend it today." in as_alice.get(bell.url).content.decode()
    as_alice.post(bell.url, {"text": "Thank you, I wait."})

    assert Notification.objects.filter(user=ada, kind=Kind.SUPPORT_REQUEST).exists()
    assert "Thank you, I wait." in as_ada.get("/monitoring/requests/").content.decode()


def test_us_7_2_a_person_may_ask_for_help_from_the_notice_of_a_failure(
    as_alice: Client, as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    failure = fail(active_version, alice)
    page = as_alice.get(f"/predictions/{failure.pk}/").content.decode()
    assert "Ask an administrator" in page
    as_alice.post(f"/predictions/{failure.pk}/help/", {"text": "Which value is it?"})
    assert "Which value is it?" in as_ada.get("/monitoring/requests/").content.decode()
