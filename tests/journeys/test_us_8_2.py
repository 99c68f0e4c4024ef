"""US-8.2: everything is stored; a deleted prediction can be restored for 30 days, then it is
purged."""

from datetime import timedelta

from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import User
from executions.models import Execution
from models_registry.models import ModelVersion
from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_execution
from tests.fake_prefect import FakePrefect


def test_us_8_2_inputs_results_and_failures_are_stored_with_their_times(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    made = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    failed = make_execution(user=alice, version=active_version, error_code="MODEL")
    history = as_alice.get("/history/").content.decode()
    for execution in (made, failed):
        stored = Execution.objects.get(pk=execution.pk)
        assert stored.inputs == LOAN_INPUTS
        assert stored.finished_at is not None
        assert str(execution.pk) in history


def test_us_8_2_a_deleted_prediction_comes_back_within_30_days(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    made = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    as_alice.post("/history/delete/", {"ids": [str(made.pk)]})
    assert as_alice.get(f"/predictions/{made.pk}/").status_code == 404
    call_command("purge")
    as_alice.post("/history/restore/", {"ids": [str(made.pk)]})
    assert as_alice.get(f"/predictions/{made.pk}/").status_code == 200


def test_us_8_2_after_30_days_it_is_gone_and_still_counted(
    as_alice: Client, alice: User, active_version: ModelVersion, fake_prefect: FakePrefect
) -> None:
    made = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    as_alice.post("/history/delete/", {"ids": [str(made.pk)]})
    Execution.objects.update(deleted_at=timezone.now() - timedelta(days=30, minutes=1))
    call_command("purge")
    as_alice.post("/history/restore/", {"ids": [str(made.pk)]})
    assert as_alice.get(f"/predictions/{made.pk}/").status_code == 404
    left = Execution.objects.get(pk=made.pk)
    assert (left.user, left.inputs, left.outputs, left.status) == (None, None, None, "succeeded")
