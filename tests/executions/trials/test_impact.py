"""The impact of a candidate on real predictions."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from executions.errors import NotAnAdmin
from executions.models import Execution
from executions.services import request_execution
from executions.trials.impact import Said, impact_of, recent_predictions, summarize
from models_registry.models import ModelVersion, Rehearsal
from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_execution, make_version


def test_classes_are_compared_by_what_people_read() -> None:
    said = [Said("Repays", "Repays"), Said("Repays", "Defaults"), Said("Repays", "Defaults")]
    impact = summarize(said, asked=5, valid=4, failed=1)
    assert (impact.asked, impact.valid, impact.failed, impact.same) == (5, 4, 1, 1)
    assert impact.moves == (("Repays", "Defaults", 2),)
    assert impact.same_percent == "33.3 %"


def test_numbers_are_compared_by_how_far_they_moved() -> None:
    said = [Said(10.0, 10.0), Said(10.0, 13.0), Said(10.0, 9.0)]
    impact = summarize(said, asked=3, valid=3, failed=0, unit="€")
    assert (impact.same, impact.up, impact.down) == (1, 1, 1)
    assert (impact.median_change, impact.largest_change) == (1.0, 3.0)
    assert impact.moves == ()


def test_nothing_answered_is_no_percentage() -> None:
    assert summarize([], asked=0, valid=0, failed=0).same_percent == "–"


def test_only_what_people_got_and_kept_is_tried(active_version: ModelVersion) -> None:
    def make(**fields: Any) -> Execution:
        return make_execution(**{"version": active_version, "outputs": LOAN_OUTPUTS} | fields)

    got = make()
    make(purpose="test")
    make(deleted_at=timezone.now())
    make_execution(version=active_version)
    make_execution(outputs=LOAN_OUTPUTS)  # another model's
    assert list(recent_predictions(active_version)) == [got]


def test_what_was_deleted_since_is_not_compared(active_version: ModelVersion) -> None:
    kept = make_execution(version=active_version, outputs=LOAN_OUTPUTS)
    gone = make_execution(version=active_version, outputs=LOAN_OUTPUTS, deleted_at=timezone.now())
    candidate = make_version(model=active_version.model)
    rehearsal = Rehearsal.objects.create(
        version=candidate,
        kind="impact",
        revision=1,
        of=[str(kept.pk), str(gone.pk)],
        results=[{"value": 1}, {"value": 1}],
    )
    impact = impact_of(rehearsal)
    assert (impact.answered, impact.moves) == (1, (("Repays", "Defaults", 1),))


def test_the_promotion_page_asks_for_the_last_predictions_and_shows_what_came_of_it(
    as_ada: Client, active_version: ModelVersion
) -> None:
    execution = make_execution(version=active_version, outputs=LOAN_OUTPUTS)
    candidate = make_version(model=active_version.model)
    page = reverse("admin:models_registry_modelversion_promote", args=[candidate.pk])
    assert b"Try v2 on the last 1 prediction" in as_ada.get(page).content

    as_ada.post(reverse("admin:executions_execution_impact", args=[candidate.pk]))
    rehearsal = candidate.rehearsals.get()
    assert rehearsal.of == [str(execution.pk)]
    assert b"answers 1 set of real" in as_ada.get(page).content

    Rehearsal.objects.update(status="succeeded", finished_at=timezone.now(), results=[{"value": 1}])
    assert "Repays → Defaults" in as_ada.get(page).content.decode()


@pytest.mark.parametrize("purpose", [Execution.Purpose.TEST, Execution.Purpose.REPLAY])
def test_nobody_but_an_admin_tests_or_replays(
    alice: User, active_version: ModelVersion, purpose: Execution.Purpose
) -> None:
    inputs = active_version.features.as_schema().clean(LOAN_INPUTS)
    with pytest.raises(NotAnAdmin):
        request_execution(
            user=alice,
            version=active_version,
            inputs=inputs,
            form_token=make_execution().pk,
            purpose=purpose,
        )
