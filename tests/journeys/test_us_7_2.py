"""US-7.2: the person is told at once that their prediction failed, why, and what to do."""

from django.test import Client

from accounts.models import User
from executions.lifecycle import Failure
from executions.models import Execution
from models_registry.models import ModelVersion
from notifications.models import Kind, Notification
from tests.journeys.test_us_3_3 import predict, run

SENTENCE = "The model failed on these inputs."


def test_us_7_2_a_failure_is_told_retried_and_taken_to_an_administrator(
    as_alice: Client, alice: User, bob: User, ada: User, active_version: ModelVersion
) -> None:
    execution = predict(as_alice, active_version, "0" * 32)
    run(execution, Failure("MODEL", "ValueError: secret of the model", "Traceback"))
    notice = Notification.objects.get(kind=Kind.EXECUTION_FAILED, user=alice)
    assert execution.public_id in notice.title
    page = as_alice.get("/notifications/").content.decode()
    assert SENTENCE in page
    assert "secret of the model" not in page
    home = as_alice.get("/", follow=True).content.decode()
    assert "Failed" in home
    token = str(as_alice.get(f"/predictions/{execution.pk}/").context["retry_token"])
    as_alice.post(f"/predictions/{execution.pk}/retry/", {"form_token": token})
    again = Execution.objects.get(retry_of=execution)
    assert again.inputs == execution.inputs
    as_alice.post(f"/predictions/{execution.pk}/help/", {"text": "It worked yesterday."})
    assert Notification.objects.filter(user=ada).exclude(kind=Kind.DEPLOYMENT).exists()
    assert not Notification.objects.filter(user=bob, kind=Kind.EXECUTION_FAILED).exists()
