"""Promotion, its conditions, and rollback."""

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import ActivityEvent, User
from config.errors import DomainError
from model_host.protocol.examination import Unprepared
from models_registry import services
from models_registry.errors import (
    BadText,
    CasesFail,
    ChangesNotReviewed,
    FileAltered,
    LibrariesDiffer,
    LibrariesNotTested,
    NotArchived,
    NotChecked,
    NothingActive,
    RawValuesNotConfirmed,
    ReasonMissing,
    TypesNotApproved,
    VersionAltered,
    WasLive,
)
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.models import Deployment, Inspection, ModelVersion, Rehearsal, TestCase
from notifications.models import Notification
from tests.factories import (
    AGE,
    LOAN_FEATURES,
    make_execution,
    make_model,
    make_report,
    make_version,
)

TEXT = "Knows heat pumps as a purpose."


def trained_with(version: ModelVersion, trained: str, running: str, **fields: Any) -> None:
    """The version's passed inspection, which read these versions of scikit-learn."""
    libraries = {
        "libraries_trained": {"scikit-learn": trained},
        "libraries_running": {"scikit-learn": running},
    }
    Inspection.objects.create(
        **{
            "version": version,
            "sha256": version.sha256,
            "status": "succeeded",
            "finished_at": timezone.now(),
            "report": make_report(**libraries),
        }
        | fields
    )


def add_case(version: ModelVersion, **fields: Any) -> TestCase:
    now = {"ran_at": timezone.now(), "ran_sha256": version.sha256, "ran_revision": version.revision}
    defaults = {"name": "A young tenant", "inputs": {}, "expected": [0], "passed": True} | now
    return TestCase.objects.create(version=version, **defaults | fields)


def archived(ada: User) -> ModelVersion:
    """Return a version that was live, with another one live now."""
    version = make_version()
    services.promote(version=version, text="The first version", by=ada)
    services.promote(version=make_version(model=version.model), text=TEXT, by=ada)
    version.refresh_from_db()
    return version


def checked(version: ModelVersion, **fields: Any) -> Rehearsal:
    return Rehearsal.objects.create(
        **{
            "version": version,
            "kind": "check",
            "sha256": version.sha256,
            "revision": version.revision,
            "status": "succeeded",
            "finished_at": timezone.now(),
        }
        | fields
    )


def test_a_case_that_does_not_pass_keeps_a_version_back(ada: User) -> None:
    version = make_version()
    case = add_case(version, passed=False)
    with pytest.raises(CasesFail):
        services.promote(version=version, text=TEXT, by=ada)
    TestCase.objects.filter(pk=case.pk).update(passed=True)
    assert services.promote(version=version, text=TEXT, by=ada).version == version


def test_a_case_that_ran_on_other_inputs_keeps_a_version_back(ada: User) -> None:
    version = make_version()
    add_case(version, ran_revision=0)
    with pytest.raises(CasesFail):
        services.promote(version=version, text=TEXT, by=ada)


def test_a_file_whose_latest_inspection_refused_it_stays_out(ada: User) -> None:
    version = make_version()
    trained_with(version, "1.9.0", "1.9.0", status="failed", report={"needs_approval": []})
    with pytest.raises(TypesNotApproved):
        services.promote(version=version, text=TEXT, by=ada)


def test_another_minor_version_needs_an_admins_word_which_is_recorded(ada: User) -> None:
    version = make_version()
    trained_with(version, "1.8.2", "1.9.0")
    with pytest.raises(LibrariesNotTested):
        services.promote(version=version, text=TEXT, by=ada)
    services.promote(version=version, text=TEXT, libraries_tested=True, by=ada)
    event = ActivityEvent.objects.get(action="version promoted")
    assert event.after is not None
    assert event.after["libraries tested"] == ["scikit-learn 1.8.2 trained, 1.9.0 running"]


def test_no_word_helps_over_another_major_version(ada: User) -> None:
    version = make_version()
    trained_with(version, "1.8.2", "2.0.0")
    with pytest.raises(LibrariesDiffer):
        services.promote(version=version, text=TEXT, libraries_tested=True, by=ada)


def test_changed_inputs_must_be_reviewed(ada: User, active_version: ModelVersion) -> None:
    version = make_version(model=active_version.model, features=(*LOAN_FEATURES[1:],))
    with pytest.raises(ChangesNotReviewed):
        services.promote(version=version, text=TEXT, by=ada)
    services.promote(version=version, text=TEXT, inputs_reviewed=True, by=ada)
    version.refresh_from_db()
    assert version.is_active


def examined(version: ModelVersion, **examination: Any) -> None:
    trained_with(version, "", "", report=make_report(**examination))


def nameless(**fields: Any) -> ModelVersion:
    """Return a version whose file says nothing of its two inputs."""
    features = tuple(FeatureSpec(f"x{n}", f"X{n}", Kind.FLOAT) for n in range(2))
    version = make_version(features=features, container="array", **fields)
    examined(version, unprepared=Unprepared(("x0 is centred at 0 with a spread of 1.",)))
    return version


def test_inputs_without_names_go_live_by_an_admins_word_which_is_recorded(ada: User) -> None:
    version = nameless()
    with pytest.raises(RawValuesNotConfirmed, match="publish_model --raw-values"):
        services.promote(version=version, text=TEXT, by=ada)
    services.promote(version=version, text=TEXT, raw_values=True, by=ada)
    event = ActivityEvent.objects.get(action="version promoted")
    assert event.actor == ada
    assert event.after is not None
    assert event.after["raw values confirmed"] is True


def test_inputs_that_the_training_configuration_names_need_no_word(ada: User) -> None:
    version = make_version()
    examined(version, unprepared=Unprepared())
    services.promote(version=version, text=TEXT, by=ada)
    event = ActivityEvent.objects.get(action="version promoted")
    assert event.after is not None
    assert event.after["raw values confirmed"] is False


def test_a_model_that_prepares_its_rows_itself_needs_no_word(ada: User) -> None:
    version = nameless()
    version.inspections.all().delete()
    examined(version, unprepared=None)
    services.promote(version=version, text=TEXT, by=ada)


@pytest.mark.parametrize("text", ["", "Too short", " " * 20, "x" * 2001])
def test_what_changed_is_said_in_10_to_2000_characters(ada: User, text: str) -> None:
    with pytest.raises(BadText):
        services.promote(version=make_version(), text=text, by=ada)


def test_a_version_that_was_live_comes_back_by_a_rollback_alone(ada: User) -> None:
    with pytest.raises(WasLive):
        services.promote(version=archived(ada), text=TEXT, by=ada)


def test_everybody_is_told_once_what_changed_in_words_and_inputs(
    ada: User, alice: User, active_version: ModelVersion
) -> None:
    purpose = FeatureSpec("purpose", "Purpose <b>", Kind.STRING)
    version = make_version(
        model=active_version.model,
        features=(*LOAN_FEATURES[1:], purpose),
        metrics={"ROC AUC": 0.884},
    )
    services.promote(version=version, text=TEXT, inputs_reviewed=True, by=ada)
    told = Notification.objects.get(user=alice)
    assert told.kind == "deployment"
    assert told.title == f"New model available: {version.model.name} v2"
    assert told.text == TEXT
    assert (told.context["added"], told.context["removed"]) == (["Purpose <b>"], [AGE.label])
    assert told.context["metrics"] == ["ROC AUC: 0.884"]
    assert Notification.objects.count() == 2


def test_an_altered_version_goes_nowhere(ada: User) -> None:
    version, old = make_version(), archived(ada)
    ModelVersion.objects.update(altered_at=timezone.now())
    checked(old)
    with pytest.raises(FileAltered):
        services.promote(version=version, text=TEXT, by=ada)
    old.refresh_from_db()
    with pytest.raises(FileAltered):
        services.roll_back(version=old, reason="", by=ada)
    version.refresh_from_db()
    with pytest.raises(VersionAltered, match="Nothing is wrong with your inputs"):
        services.check_runnable(version)


def test_a_rollback_archives_what_is_live_and_says_why(ada: User, alice: User) -> None:
    version = archived(ada)
    live = version.model.versions.active().get()
    checked(version)

    deployment = services.roll_back(version=version, reason=" Refuses students ", by=ada)

    version.refresh_from_db()
    live.refresh_from_db()
    assert (version.status, live.status) == ("active", "archived")
    assert (deployment.action, deployment.previous_version) == ("rollback", live)
    assert deployment.text == "Refuses students"
    told = Notification.objects.get(user=alice, kind="rollback")
    assert told.title == f"{version.model.name}: back to v1"
    assert "Refuses students" in told.text
    assert told.context["previous"] == "v2"
    assert told.context["from"] < told.context["to"]


def test_a_rollback_without_a_reason_says_so(ada: User, alice: User) -> None:
    version = archived(ada)
    checked(version)
    services.roll_back(version=version, reason="", by=ada)
    assert "No reason given" in Notification.objects.get(user=alice, kind="rollback").text


def test_a_site_may_ask_for_a_reason(ada: User, settings: Settings) -> None:
    settings.REQUIRE_ROLLBACK_REASON = True
    version = archived(ada)
    checked(version)
    with pytest.raises(ReasonMissing):
        services.roll_back(version=version, reason=" ", by=ada)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "failed"},
        {"status": "running", "finished_at": None},
        {"sha256": "0" * 64},
        {"kind": "impact"},
        {"finished_at": "2026-01-01T00:00Z"},
    ],
)
def test_a_rollback_needs_a_recent_check_of_the_file(ada: User, fields: dict[str, Any]) -> None:
    version = archived(ada)
    checked(version, **fields)
    with pytest.raises(NotChecked):
        services.roll_back(version=version, reason="", by=ada)


def test_only_what_was_live_can_be_rolled_back_to(ada: User, active_version: ModelVersion) -> None:
    for version in (make_version(), active_version):
        checked(version)
        with pytest.raises(NotArchived):
            services.roll_back(version=version, reason="", by=ada)


def test_a_retired_model_has_no_active_version_and_a_record(ada: User) -> None:
    version = make_version()
    services.promote(version=version, text=TEXT, by=ada)

    deployment = services.retire(model=version.model, reason="Replaced by another model", by=ada)

    version.refresh_from_db()
    deployment.refresh_from_db()
    assert version.status == "archived"
    assert deployment.started_at == deployment.ended_at
    assert not Deployment.objects.filter(ended_at=None).exists()


def test_a_retired_model_can_come_back(ada: User) -> None:
    version = make_version()
    services.promote(version=version, text=TEXT, by=ada)
    services.retire(model=version.model, reason="Too early", by=ada)
    checked(version)
    deployment = services.roll_back(version=version, reason="", by=ada)
    assert deployment.previous_version is None
    assert version.model.versions.active().get() == version


def test_after_a_retirement_the_next_version_is_compared_with_the_last_that_was_live(
    ada: User, alice: User
) -> None:
    version = make_version()
    services.promote(version=version, text=TEXT, by=ada)
    services.retire(model=version.model, reason="Too early", by=ada)
    services.promote(version=make_version(model=version.model), text=TEXT, by=ada)
    told = Notification.objects.filter(user=alice, kind="deployment").latest("pk")
    assert told.read_context().previous == "v1"


def test_retiring_needs_a_reason_and_something_to_retire(
    ada: User, active_version: ModelVersion
) -> None:
    with pytest.raises(ReasonMissing):
        services.retire(model=active_version.model, reason="  ", by=ada)
    with pytest.raises(NothingActive):
        services.retire(model=make_model(), reason="Nobody asks it", by=ada)


def test_a_rehearsal_of_a_version_that_cannot_run_is_refused(ada: User) -> None:
    with pytest.raises(DomainError):
        services.request_rehearsal(
            version=make_version(container=""), kind=Rehearsal.Kind.IMPACT, by=ada
        )


def test_executions_in_flight_keep_their_version(ada: User, active_version: ModelVersion) -> None:
    execution = make_execution(version=active_version)
    services.promote(version=make_version(model=active_version.model), text=TEXT, by=ada)
    execution.refresh_from_db()
    assert (execution.version, execution.status) == (active_version, "queued")
