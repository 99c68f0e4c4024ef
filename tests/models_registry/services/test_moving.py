"""The move of a version to another runtime, after a try."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ActivityEvent, User
from config.runtimes import default_minor
from models_registry import services
from models_registry.card.facts import examination_of, served_by_text
from models_registry.errors import FileAltered, NotChecked, RuntimeIsOwn, RuntimeNotTried
from models_registry.inputs.feature_spec import TargetSpec
from models_registry.models import ModelVersion, ReferenceData, Rehearsal, TestCase
from models_registry.promotion.readiness import readiness_of
from tests.factories import make_version
from tests.models_registry.services.test_deploying import add_case, archived, checked, trained_with

EQUAL = {"own": {"values": [0]}, "other": {"values": [0]}, "is_equal": True}
CONFIDENCE = EQUAL | {"is_equal": False}


def tried(version: ModelVersion, *results: dict[str, Any], **fields: Any) -> Rehearsal:
    """A finished try in 1.7."""
    return Rehearsal.objects.create(
        **{
            "version": version,
            "kind": "runtime",
            "sha256": version.sha256,
            "revision": version.revision,
            "own_runtime": version.scikit_learn,
            "runtime": "1.7",
            "status": "succeeded",
            "finished_at": timezone.now(),
            "of": list(range(len(results))),
            "results": list(results),
            "libraries": {"1.7": {"scikit-learn": "1.7.2"}, "1.5": {"scikit-learn": "1.5.2"}},
        }
        | fields
    )


@pytest.fixture
def draft(db: None) -> ModelVersion:
    """Return a tested draft that 1.5 serves, with a case that passes."""
    version = make_version(runtime="1.5")
    add_case(version)
    return version


def moved(version: ModelVersion, ada: User, runtime: str = "1.7") -> ModelVersion:
    services.choose_runtime(version=version, runtime=runtime, by=ada)
    return ModelVersion.objects.get(pk=version.pk)


@pytest.mark.parametrize(
    "fields",
    [
        {"sha256": "0" * 64},
        {"revision": 2},
        {"runtime": "1.6"},
        {"own_runtime": "1.4"},
        {"status": "failed"},
        {"status": "running", "finished_at": None},
        {"kind": "impact"},
    ],
)
def test_only_a_finished_try_of_this_file_revision_and_runtime_lets_a_version_move(
    draft: ModelVersion, ada: User, fields: dict[str, Any]
) -> None:
    tried(draft, EQUAL, **fields)
    with pytest.raises(RuntimeNotTried):
        moved(draft, ada)


def test_equal_answers_keep_the_tests_and_the_cases(draft: ModelVersion, ada: User) -> None:
    tried(draft, EQUAL, {"skipped": "It is gone."})

    version = moved(draft, ada)

    assert (version.runtime, version.revision, version.is_tested) == ("1.7", 1, True)
    assert version.cases.passing().count() == 1


@pytest.mark.parametrize(
    "results",
    [
        (EQUAL, CONFIDENCE),
        (),
        ({"skipped": "It is gone."},),
        (EQUAL, {"skipped": "There was no time left."}),
        (EQUAL, EQUAL | {"other": {"error": "The model failed"}, "is_equal": False}),
        ({"own": {"error": "It failed"}, "other": {"error": "It failed"}, "is_equal": True},),
    ],
)
def test_a_draft_whose_answers_may_differ_must_be_tested_again(
    draft: ModelVersion, ada: User, results: tuple[dict[str, Any], ...]
) -> None:
    tried(draft, *results)

    version = moved(draft, ada)

    assert (version.revision, version.is_tested) == (2, False)
    assert version.cases.passing().count() == 0
    latest = version.revisions.first()
    assert latest is not None
    assert latest.changes == ["Served by scikit-learn 1.7 instead of 1.5"]


def test_a_live_version_moves_and_stays_live_while_its_cases_must_run_again(ada: User) -> None:
    version = make_version(is_active=True, runtime="1.5")
    add_case(version)
    tried(version, CONFIDENCE)

    version = moved(version, ada)

    assert (version.runtime, version.revision, version.is_active) == ("1.7", 1, True)
    assert TestCase.objects.get().passed is None


@pytest.mark.parametrize(("result", "count"), [(CONFIDENCE, 1), (EQUAL, 0)])
def test_an_interval_is_computed_again_where_answers_differ(
    db: None, ada: User, result: dict[str, Any], count: int
) -> None:
    version = make_version(
        is_active=True, runtime="1.5", task="regression", targets=(TargetSpec("", "Price"),)
    )
    ReferenceData.objects.create(
        version=version,
        row_count=40,
        rows=[{}] * 40,
        targets=[1.0] * 40,
        is_held_out=True,
        interval_halfwidth=1.5,
        interval_sha256=version.sha256,
    )
    tried(version, result)

    version = moved(version, ada)

    again = version.rehearsals.filter(kind="calibration", own_runtime="1.7")
    assert again.count() == count


def test_a_move_is_recorded_with_both_runtimes(draft: ModelVersion, ada: User) -> None:
    tried(draft, CONFIDENCE)
    moved(draft, ada)

    event = ActivityEvent.objects.get(action="runtime changed")
    assert (event.actor, event.target) == (ada, str(draft))
    assert event.before == {"scikit-learn": "1.5"}
    assert event.after == {"scikit-learn": "1.7", "all answers equal": False}


def test_the_same_try_leads_back_to_the_former_runtime(draft: ModelVersion, ada: User) -> None:
    tried(draft, EQUAL)
    version = moved(draft, ada)
    assert services.former_runtime(version) == "1.5"

    version = moved(version, ada, "1.5")

    assert version.runtime == "1.5"
    assert version.libraries_running == {"scikit-learn": "1.5.2"}


def test_an_altered_file_is_not_moved(draft: ModelVersion, ada: User) -> None:
    tried(draft, EQUAL)
    ModelVersion.objects.filter(pk=draft.pk).update(altered_at=timezone.now())
    with pytest.raises(FileAltered):
        moved(draft, ada)


@pytest.mark.parametrize("runtime", ["", default_minor()])
def test_a_version_is_not_tried_or_moved_to_the_runtime_that_it_has(
    db: None, ada: User, runtime: str
) -> None:
    version, own = make_version(runtime=runtime), default_minor()
    kind = Rehearsal.Kind.RUNTIME
    with pytest.raises(RuntimeIsOwn):
        services.request_rehearsal(version=version, kind=kind, runtime=own, by=ada)
    with pytest.raises(RuntimeIsOwn):
        moved(version, ada, own)


def test_a_promotion_compares_the_libraries_of_the_runtime_that_serves(
    draft: ModelVersion, ada: User
) -> None:
    trained_with(draft, "1.5.2", "1.5.2")
    assert not readiness_of(draft).libraries
    tried(draft, EQUAL)

    version = moved(draft, ada)

    (difference,) = readiness_of(version).libraries
    assert str(difference) == "scikit-learn 1.5.2 trained, 1.7.2 running"
    assert served_by_text(version, examination_of(version)) == "scikit-learn 1.7.2"


def test_a_rollback_needs_a_check_in_the_runtime_that_serves(ada: User) -> None:
    version = archived(ada)
    checked(version, own_runtime=version.scikit_learn)
    tried(version, EQUAL)

    with pytest.raises(NotChecked):
        services.roll_back(version=moved(version, ada), reason="", by=ada)
