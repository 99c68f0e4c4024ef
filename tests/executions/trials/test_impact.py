"""The impact of a candidate on real predictions."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from executions.errors import NotAnAdmin
from executions.models import Execution
from executions.services import request_execution
from executions.trials.impact import Said, impact_of, recent_predictions, summarize
from models_registry.inputs.feature_spec import TargetSpec
from models_registry.models import ModelVersion, Rehearsal
from tests.factories import AGE, LOAN_INPUTS, LOAN_OUTPUTS, make_execution, make_version


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


def tried(candidate: ModelVersion, executions: list[Execution], values: list[Any]) -> Rehearsal:
    """A finished try of the candidate on these predictions."""
    return Rehearsal.objects.create(
        version=candidate,
        kind="impact",
        sha256=candidate.sha256,
        revision=candidate.revision,
        status="succeeded",
        finished_at=timezone.now(),
        of=[str(one.pk) for one in executions],
        results=[{"value": value} for value in values],
    )


def test_a_changed_answer_opens_side_by_side_with_its_inputs_in_both_versions(
    as_ada: Client, active_version: ModelVersion
) -> None:
    changed = make_execution(version=active_version, outputs=LOAN_OUTPUTS, inputs=LOAN_INPUTS)
    same = make_execution(version=active_version, outputs=LOAN_OUTPUTS, inputs=LOAN_INPUTS)
    features = (replace(AGE, label="Years of age"), replace(AGE, name="term", label="Term"))
    candidate = make_version(model=active_version.model, features=features)

    impact = impact_of(tried(candidate, [changed, same], [1, 0]))

    (one,) = impact.changed
    assert (one.execution, one.before, one.after) == (changed, "Repays", "Defaults")
    beside = {label: (before, after) for label, before, after in one.inputs}
    assert beside["Age"] == ("34 years", "34 years")
    assert beside["Owns a home"][1] == ""
    assert beside["Term"] == ("", "not known")
    page = as_ada.get(reverse("admin:models_registry_modelversion_promote", args=[candidate.pk]))
    assert page.text.count("changed-answer") == 1
    assert changed.public_id in page.text


def test_a_changed_answer_hides_what_is_sensitive_in_either_version(
    active_version: ModelVersion,
) -> None:
    asked = make_execution(version=active_version, outputs=LOAN_OUTPUTS, inputs=LOAN_INPUTS)
    candidate = make_version(
        model=active_version.model, features=(replace(AGE, is_sensitive=True),)
    )

    (one,) = impact_of(tried(candidate, [asked], [1])).changed

    assert ("Age", "[hidden]", "[hidden]") in one.inputs


def test_the_largest_change_of_a_number_comes_first_and_the_rest_is_counted(
    as_ada: Client, db: None
) -> None:
    target = TargetSpec("price", "Price", "€")
    live = make_version(is_active=True, task="regression", targets=(target,), features=(AGE,))
    first: Any = LOAN_OUTPUTS["targets"][0]  # type: ignore[index]
    value = {**first, "name": "price", "value": 100.0, "confidence": None, "probabilities": []}
    number = LOAN_OUTPUTS | {"task": "regression", "targets": [value]}
    asked = [
        make_execution(version=live, outputs=number, inputs={"age": 30.0 + n}) for n in range(22)
    ]
    candidate = make_version(
        model=live.model, task="regression", targets=(target,), features=(AGE,)
    )

    impact = impact_of(tried(candidate, asked, [101.0 + n for n in range(22)]))

    assert (impact.changed[0].difference, impact.changed[0].after) == ("+€ 22", "€ 122")
    assert (len(impact.changed), impact.more_changed) == (20, 2)


def test_the_evidence_of_an_impact_costs_the_same_for_one_answer_and_for_many(
    active_version: ModelVersion,
) -> None:
    candidate = make_version(model=active_version.model)
    costs = []
    for count in (1, 10):
        asked = [
            make_execution(version=active_version, outputs=LOAN_OUTPUTS, inputs=LOAN_INPUTS)
            for _ in range(count)
        ]
        rehearsal = Rehearsal.objects.get(pk=tried(candidate, asked, [1] * count).pk)
        with CaptureQueriesContext(connection) as queries:
            assert len(impact_of(rehearsal).changed) == count
        costs.append(len(queries))
    assert costs[0] == costs[1]


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
