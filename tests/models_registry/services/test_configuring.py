"""Saving a version's inputs: numbered revisions that never change, and duplication once locked."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from models_registry import lifecycle, services
from models_registry.errors import NotInspected, RevisionOutdated, VersionLocked
from models_registry.inputs.configuration import ADMIN, Configuration
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.inspection_steps import Report
from models_registry.lifecycle import Findings
from models_registry.models import Inspection, ModelVersion, ReferenceData, Revision, TestCase
from models_registry.revisions import configuration_of
from tests.factories import AGE, INCOME, LOAN_FEATURES, LOAN_INPUTS, LOAN_TARGET, make_version

RULE = RuleSpec("age", RuleKind.BELOW, "income", message="More than the age.")
OPEN = FeatureSpec("purpose", "Purpose", Kind.STRING, is_complete=False)


def inspect(version: ModelVersion, **findings: Any) -> None:
    """What the machinery does when an inspection of the version ends well."""
    inspection = Inspection.objects.create(version=version, sha256=version.sha256)
    running = lifecycle.mark_running(Inspection, inspection.pk, attempt=1, owner="w")
    assert running is not None
    known: dict[str, Any] = {
        "format": "joblib",
        "estimator": "Pipeline",
        "task": "classification",
        "container": "frame",
        "features": (AGE, OPEN),
        "targets": (LOAN_TARGET,),
        "libraries_trained": {},
        "runtime": "1.9",
        "report": Report(),
    }
    assert lifecycle.mark_inspection_succeeded(
        running, steps=[], findings=Findings(**known | findings)
    )
    version.refresh_from_db()


def save(version: ModelVersion, by: User, *features: FeatureSpec, **fields: Any) -> ModelVersion:
    """Save the version with these inputs in place of those of the same name."""
    now = configuration_of(version)
    new = {feature.name: feature for feature in features}
    wanted = tuple(new.get(feature.name, feature) for feature in now.features)
    return services.save_configuration(
        version=version, by=by, configuration=replace(now, features=wanted, **fields)
    )


def test_a_configuration_reads_back_as_it_was_written(db: None) -> None:
    version = make_version()
    written = replace(configuration_of(version), rules=(RULE,))
    assert Configuration.from_json(written.to_json()) == written


def test_the_proposal_of_an_inspection_is_the_first_revision(ada: User) -> None:
    version = make_version(features=(), targets=(), is_tested=False)
    inspect(version)
    revision = version.revisions.get()
    assert (revision.number, revision.changes) == (1, ["Proposed from the file"])
    assert [entry["name"] for entry in revision.configuration["features"]] == ["age", "purpose"]


def test_a_save_is_a_revision_that_says_what_changed(ada: User) -> None:
    version = make_version()
    save(version, ada, replace(AGE, maximum=110.0), rules=(RULE,))
    revision = version.revisions.first()
    assert revision is not None
    assert (revision.number, revision.by) == (2, ada)
    assert revision.changes == [
        "Age: Allowed range 18 to 100 → 18 to 110",
        "Rules between inputs: Added: More than the age",
    ]
    assert version.features.as_schema().rules == (RULE,)
    version.refresh_from_db()
    assert (version.revision, version.is_tested) == (2, False)


def test_a_save_that_changes_nothing_is_no_revision(ada: User) -> None:
    version = make_version()
    save(version, ada)
    version.refresh_from_db()
    assert (version.revision, version.is_tested) == (1, True)
    assert not version.revisions.exists()


def test_answers_order_and_completeness_are_changes_too(ada: User) -> None:
    version = make_version(features=(AGE, OPEN))
    target = replace(LOAN_TARGET, label="Risk", class_labels=((0, "Low"), (1, "Defaults")))
    changed = (replace(AGE, rank=2), replace(OPEN, rank=1, is_complete=True))
    save(version, ada, *changed, targets=(target,))
    assert version.revisions.get().changes == [
        "Purpose: Complete",
        "The inputs are in another order",
        "The answer Repayment is now called Risk",
        "Risk: Class Repays is now called Low",
    ]


def test_another_inspection_keeps_what_a_person_set(ada: User) -> None:
    version = make_version(features=(), targets=(), is_tested=False)
    inspect(version)
    purpose = replace(OPEN, kind=Kind.CHOICE, choices=(("car", "Car"),), is_complete=True)
    save(version, ada, replace(AGE, label="Age today"), purpose, rules=())
    inspect(version, features=(replace(AGE, soft_maximum=90.0), OPEN, INCOME))
    age, now_purpose, income = configuration_of(version).features
    assert (age.label, age.soft_maximum, age.sources["label"]) == ("Age today", 90.0, ADMIN)
    assert (now_purpose.kind, now_purpose.choices) == (Kind.CHOICE, (("car", "Car"),))
    assert income.label == INCOME.label
    assert version.revision == 3
    assert version.revisions.first().changes == [  # type: ignore[union-attr]
        "Proposed from the file",
        "Input added: Annual income",
        "Age today: Trained range none → at most 90",
    ]


def test_an_inspection_that_finds_the_same_again_leaves_the_test_standing(ada: User) -> None:
    version = make_version(features=(), targets=(), is_tested=False)
    inspect(version)
    services.mark_tested(version_id=version.pk, sha256=version.sha256, revision=1)
    inspect(version)
    version.refresh_from_db()
    assert version.is_tested


def test_a_page_that_is_out_of_date_overwrites_nothing(ada: User) -> None:
    version = make_version()
    save(version, ada, replace(AGE, unit="a"))
    wanted = configuration_of(version)
    with pytest.raises(RevisionOutdated, match="saved revision 2"):
        services.save_configuration(version=version, by=ada, configuration=wanted, seen=1)


def test_once_live_nothing_is_saved(ada: User, active_version: ModelVersion) -> None:
    with pytest.raises(VersionLocked, match="Duplicate it"):
        save(active_version, ada, replace(AGE, unit="a"))


def test_a_revision_never_changes(ada: User) -> None:
    version = make_version()
    save(version, ada, replace(AGE, unit="a"))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Revision.objects.update(changes=["Nothing"])
    Revision.objects.update(by=None)  # what stays when the person is deleted
    assert version.revisions.get().by is None


@pytest.mark.django_db(transaction=True)
def test_a_revision_goes_only_with_its_draft() -> None:
    by = User.objects.create_user("mira@example.com", "a long sentence", is_staff=True)
    version = make_version()
    save(version, by, replace(AGE, unit="a"))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Revision.objects.all().delete()
    services.delete_draft(version=version, by=by)
    assert not Revision.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE models_registry_feature SET step = 0",
        "INSERT INTO models_registry_inputrule (version_id, position, first, kind, second, message)"
        " SELECT id, 0, 'age', 'below', 'age', '' FROM models_registry_modelversion",
    ],
)
def test_the_database_refuses_what_no_rule_can_mean(db: None, statement: str) -> None:
    make_version()
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_locked_version_goes_on_as_a_draft_with_all_that_was_said_of_it(ada: User) -> None:
    version = make_version(description="For one-year loans")
    save(version, ada, replace(AGE, unit="a"), rules=(RULE,))
    version.cases.create(name="A pensioner", inputs=LOAN_INPUTS, expected=[0], tolerance=0.1)
    TestCase.objects.update(passed=True, ran_at="2026-01-01T00:00Z", ran_sha256=version.sha256)
    ReferenceData.objects.create(version=version, row_count=7, rows=[{"age": 40}])
    Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status="succeeded",
        finished_at="2026-01-01T00:00Z",
        report={"examination": {}},
    )
    draft = services.duplicate_version(version=version, by=ada)
    assert (draft.model, draft.number, draft.status) == (version.model, 2, "draft")
    assert (draft.sha256, draft.container) == (version.sha256, version.container)
    assert (draft.description, draft.is_tested, draft.is_locked) == (
        "For one-year loans",
        False,
        False,
    )
    assert configuration_of(draft) == configuration_of(version)
    assert draft.revisions.get().changes == ["Copied from v1"]
    case = draft.cases.get()
    assert (case.name, case.inputs, case.expected, case.tolerance) == (
        "A pensioner",
        LOAN_INPUTS,
        [0],
        0.1,
    )
    assert (case.passed, case.ran_at) == (None, None)
    assert draft.reference_data.rows == [{"age": 40}]
    assert draft.inspections.get().report == {"examination": {}}
    assert version.cases.count() == version.inspections.count() == 1
    save(draft, ada, replace(AGE, unit="years old"))
    assert version.features.get(name="age").unit == "a"


def test_a_version_that_never_opened_has_nothing_to_go_on_from(ada: User) -> None:
    with pytest.raises(NotInspected):
        services.duplicate_version(version=make_version(container=""), by=ada)


def test_the_rows_as_another_service_wrote_them_are_numbered(ada: User) -> None:
    version = make_version(features=LOAN_FEATURES)
    save(version, ada, replace(AGE, unit="a"))
    version.features.filter(name="age").update(soft_maximum=90)
    services.save_configuration(version=version, by=ada)
    revision = version.revisions.first()
    assert revision is not None
    assert revision.changes == ["Age: Trained range none → at most 90"]


def test_a_target_keeps_the_names_that_people_gave_its_classes(ada: User) -> None:
    version = make_version(features=(), targets=(), is_tested=False)
    inspect(version)
    target = TargetSpec("", "Risk", class_labels=((0, "Low"), (1, "High")))
    save(version, ada, targets=(target,))
    inspect(version)
    assert configuration_of(version).targets == (target,)
