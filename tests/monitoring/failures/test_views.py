"""The pages of failures: what admins see and do there, and what nobody may see."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from executions.models import Execution
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.models import ModelVersion
from monitoring.failures.collecting import collect
from monitoring.models import FailureGroup, State
from tests.factories import AGE, LOAN_OUTPUTS, make_execution, make_version

SECRET = FeatureSpec("insurance", "Insurance number", Kind.STRING, is_sensitive=True)
CITY = FeatureSpec("city", "City", Kind.STRING)
TRACEBACK = """Traceback (most recent call last):
  File "/srv/model_host/answering/prediction.py", line 88, in predict
    answer = ask(row)
  File "/srv/site-packages/sklearn/pipeline.py", line 600, in predict
    Xt = transform.transform(Xt)
  File "/srv/site-packages/sklearn/base.py", line 20, in wrapped
    return f(self, X)
  File "/srv/site-packages/sklearn/preprocessing/_encoders.py", line 1024, in transform
    X_int, X_mask = self._transform(X)
ValueError: Found unknown categories ['Oslo'] for QQ-1234 Smith
"""
INPUTS = {"age": 51.0, "city": "Oslo", "insurance": "QQ-1234 Smith"}


@pytest.fixture
def version(db: None) -> ModelVersion:
    return make_version(features=(AGE, CITY, SECRET), is_active=True)


def fail(version: ModelVersion, user: User, **fields: Any) -> Execution:
    return make_execution(
        version=version,
        user=user,
        inputs=INPUTS,
        error_code="MODEL",
        message="ValueError: Found unknown categories ['Oslo'] for QQ-1234 Smith",
        traceback=TRACEBACK,
        **fields,
    )


@pytest.fixture
def group(version: ModelVersion, alice: User) -> FailureGroup:
    fail(version, alice)
    collect()
    return FailureGroup.objects.get()


def page(client: Client, group: FailureGroup, query: str = "") -> str:
    response = client.get(f"/monitoring/failures/{group.pk}/{query}")
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_names_a_failure_without_its_values(as_ada: Client, group: FailureGroup) -> None:
    listed = as_ada.get("/monitoring/failures/").content.decode()
    assert "ValueError: Found unknown categories … for …" in listed
    assert "Oslo" not in listed
    assert "QQ-1234" not in listed
    assert "1 in 14 days, 1 today" in listed


def test_the_page_shows_the_inputs_and_hides_sensitive_ones_everywhere(
    as_ada: Client, group: FailureGroup
) -> None:
    shown = page(as_ada, group)
    assert "Oslo" in shown
    assert "51 years" in shown
    for secret in ("QQ-1234", "Smith"):
        assert secret not in shown
    assert "[hidden]" in shown


def test_our_calls_stand_out_and_those_of_libraries_are_folded(
    as_ada: Client, group: FailureGroup
) -> None:
    shown = page(as_ada, group)
    assert "2 library calls folded · sklearn" in shown
    assert "model_host/answering/prediction.py, line 88" in shown


def test_a_deleted_prediction_shows_nothing_but_that_it_failed(
    as_ada: Client, group: FailureGroup
) -> None:
    Execution.objects.update(deleted_at=timezone.now())
    shown = page(as_ada, group)
    assert "The person deleted this prediction." in shown
    assert "Oslo" not in shown
    assert "Replay" not in shown


def test_one_walks_from_example_to_example(
    as_ada: Client, version: ModelVersion, group: FailureGroup, bob: User
) -> None:
    newest = fail(version, bob)
    collect()
    first = Execution.objects.failures().exclude(pk=newest.pk).get()
    assert "Example 1 of 2" in page(as_ada, group)
    earlier = page(as_ada, group, f"?example={first.pk}")
    assert "Example 2 of 2" in earlier
    assert f"?example={newest.pk}" in earlier
    assert as_ada.get(f"/monitoring/failures/{group.pk}/?example={uuid.uuid4()}").status_code == 404


def test_a_review_needs_a_category_and_stands_in_the_timeline(
    as_ada: Client, group: FailureGroup
) -> None:
    address = f"/monitoring/failures/{group.pk}/review/"
    assert as_ada.post(address, {"note": "Seen"}).status_code == 422
    as_ada.post(address, {"category": "data", "note": "The encoder is older than the choices."})
    group.refresh_from_db()
    assert group.state == State.REVIEWED
    shown = page(as_ada, group)
    assert "reviewed · data or environment" in shown
    assert "The encoder is older than the choices." in shown


def test_the_last_note_stands_in_the_list(as_ada: Client, group: FailureGroup) -> None:
    as_ada.post(f"/monitoring/failures/{group.pk}/note/", {"note": "Waiting for v5."})
    assert "Waiting for v5." in as_ada.get("/monitoring/failures/").content.decode()


def test_an_empty_note_is_refused_in_words(as_ada: Client, group: FailureGroup) -> None:
    response = as_ada.post(f"/monitoring/failures/{group.pk}/note/", {"note": " "})
    assert response.status_code == 422
    assert "Write a note first." in response.content.decode()


def test_a_failure_is_resolved_in_a_version_of_its_model_only(
    as_ada: Client, group: FailureGroup, version: ModelVersion
) -> None:
    address = f"/monitoring/failures/{group.pk}/resolve/"
    assert as_ada.post(address, {"version": make_version().pk}).status_code == 422
    as_ada.post(address, {"version": version.pk})
    group.refresh_from_db()
    assert (group.state, group.resolved_in) == (State.RESOLVED, version)


def test_tabs_and_the_model_filter_narrow_the_list(
    as_ada: Client, group: FailureGroup, alice: User
) -> None:
    other = make_version(features=(AGE, CITY, SECRET), is_active=True)
    fail(other, alice)
    collect()
    named = as_ada.get("/monitoring/failures/", {"model": other.model.slug}).content.decode()
    assert other.model.name in named
    assert FailureGroup.objects.count() == 2
    assert f"/monitoring/failures/{group.pk}/" not in named
    assert (
        "None in this state" in as_ada.get("/monitoring/failures/?state=regressed").content.decode()
    )


def test_ticked_groups_are_reviewed_together(as_ada: Client, group: FailureGroup) -> None:
    as_ada.post("/monitoring/failures/selection/", {"ids": [group.pk], "category": "model"})
    group.refresh_from_db()
    assert group.state == State.REVIEWED


def test_long_lists_turn_pages_without_gaps(as_ada: Client, version: ModelVersion) -> None:
    for number in range(30):
        FailureGroup.objects.create(
            fingerprint=uuid.uuid4().hex,
            model=version.model,
            error_code="MODEL",
            title=f"fault {number:02}",
            first_seen_at=timezone.now(),
            last_seen_at=timezone.now(),
        )
    first = as_ada.get("/monitoring/failures/")
    last = as_ada.get(
        first.context["pager"]["older_url"]
        and ("/monitoring/failures/" + first.context["pager"]["older_url"])
    )
    titles = [row.group.title for response in (first, last) for row in response.context["rows"]]
    assert titles == [f"fault {number:02}" for number in reversed(range(30))]
    back = as_ada.get("/monitoring/failures/" + last.context["pager"]["newer_url"])
    assert [row.group.pk for row in back.context["rows"]] == [
        row.group.pk for row in first.context["rows"]
    ]


def test_an_admin_comes_from_a_prediction_to_its_group(as_ada: Client, group: FailureGroup) -> None:
    failure = Execution.objects.failures().get()
    response = as_ada.get(f"/monitoring/predictions/{failure.pk}/failure/")
    assert response["Location"] == f"/monitoring/failures/{group.pk}/?example={failure.pk}"


def test_a_replay_is_asked_for_on_the_pinned_version_and_reaches_nobody(
    as_ada: Client, group: FailureGroup, version: ModelVersion, alice: User, ada: User
) -> None:
    failure = Execution.objects.failures().get()
    token = str(uuid.uuid4())
    for _ in range(2):  # a double click is one replay
        response = as_ada.post(
            f"/monitoring/predictions/{failure.pk}/replay/", {"form_token": token}
        )
    replay = Execution.objects.get(purpose="replay")
    assert response["Location"] == f"/monitoring/replays/{replay.pk}/"
    assert (replay.replay_of, replay.version, replay.inputs) == (failure, version, INPUTS)
    assert not Execution.objects.visible_to(alice).filter(pk=replay.pk).exists()
    assert "in a process of its own" in as_ada.get(response["Location"]).content.decode()


@pytest.mark.parametrize(("is_still", "count"), [(True, 1), (False, 0)])
def test_a_replay_on_the_live_version_does_not_open_what_was_sensitive(
    as_ada: Client, group: FailureGroup, version: ModelVersion, is_still: bool, count: int
) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(status="archived")
    live = make_version(model=version.model, features=(AGE, CITY, SECRET), is_active=True)
    live.features.filter(name="insurance").update(is_sensitive=is_still)
    failure = Execution.objects.failures().get()
    asked = f"/monitoring/predictions/{failure.pk}/replay/"
    said = as_ada.post(asked, {"on": "active"}, follow=True).content.decode()
    assert Execution.objects.filter(purpose="replay").count() == count
    assert ("does not mark Insurance number as sensitive" in said) != is_still
    assert "Smith" not in said


def test_the_fourth_replay_of_a_minute_waits(as_ada: Client, group: FailureGroup) -> None:
    failure = Execution.objects.failures().get()
    for _ in range(4):
        as_ada.post(f"/monitoring/predictions/{failure.pk}/replay/")
    assert Execution.objects.filter(purpose="replay").count() == 3


def test_what_its_person_deleted_is_not_replayed(as_ada: Client, group: FailureGroup) -> None:
    Execution.objects.update(deleted_at=timezone.now())
    failure = Execution.objects.failures().get()
    as_ada.post(f"/monitoring/predictions/{failure.pk}/replay/")
    assert not Execution.objects.filter(purpose="replay").exists()


def test_the_bundle_tells_all_but_sensitive_values_and_is_recorded(
    as_ada: Client, ada: User, group: FailureGroup, version: ModelVersion
) -> None:
    failure = Execution.objects.failures().get()
    replay = fail(version, ada, purpose="replay", replay_of=failure)
    Execution.objects.filter(pk=replay.pk).update(fingerprint=failure.fingerprint)
    response = as_ada.post(f"/monitoring/replays/{replay.pk}/bundle/")
    bundle = json.loads(response.content)
    assert bundle["verdict"] == "Same error"
    assert bundle["original"]["inputs"] == INPUTS | {"insurance": "[hidden]"}
    assert "Smith" not in response.content.decode()
    assert ada.activity.filter(action="replay downloaded").exists()
    shown = as_ada.get(f"/monitoring/replays/{replay.pk}/").content.decode()
    assert "Same error" in shown
    assert "Smith" not in shown


def test_the_bundle_of_a_replay_that_succeeds_tells_no_sensitive_value(
    as_ada: Client, ada: User, group: FailureGroup, version: ModelVersion
) -> None:
    words = ["UserWarning: Found unknown categories for QQ-1234 Smith"]
    replay = make_execution(
        version=version,
        user=ada,
        purpose="replay",
        replay_of=Execution.objects.failures().get(),
        inputs=INPUTS,
        outputs=LOAN_OUTPUTS | {"warnings": words, "notes": words},
    )
    bundle = as_ada.post(f"/monitoring/replays/{replay.pk}/bundle/").content.decode()
    assert "Found unknown categories" in bundle
    assert "Smith" not in bundle


@pytest.mark.parametrize("path", ["failures/", "requests/"])
def test_nobody_else_learns_of_these_pages(as_alice: Client, path: str) -> None:
    assert as_alice.get(f"/monitoring/{path}").status_code == 404
