"""The rehearsals that nobody has to ask for."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from models_registry import services, sweep
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.models import Inspection, ModelVersion, Rehearsal
from models_registry.own_rehearsals import (
    example_of,
    open_example,
    open_missing_examples,
    write_example,
)
from models_registry.rehearsal_results import Example
from models_registry.revisions import configuration_of
from tests.factories import AGE, LOAN_ANSWER, LOAN_FEATURES, make_version
from tests.fake_prefect import FakePrefect


def typical(version: ModelVersion) -> dict[str, Any]:
    return dict(version.features.as_schema().typical_values())


def with_example(version: ModelVersion) -> ModelVersion:
    write_example(version, Example(typical(version), LOAN_ANSWER), None)
    return version


def inspected(version: ModelVersion) -> ModelVersion:
    Inspection.objects.create(
        version=version, sha256=version.sha256, status="succeeded", finished_at=timezone.now()
    )
    return version


def edit_age(version: ModelVersion, by: User, **fields: Any) -> None:
    now = configuration_of(version)
    features = tuple(replace(one, **fields) if one.name == "age" else one for one in now.features)
    services.save_configuration(
        version=version, by=by, configuration=replace(now, features=features)
    )


def test_an_example_is_the_answer_to_the_typical_row(db: None) -> None:
    version = with_example(make_version())
    found = example_of(version, typical(version))
    assert found is not None
    assert found.inputs == {"age": 42, "income": None, "home": False, "work": "emp"}
    assert found.outputs == LOAN_ANSWER


@pytest.mark.parametrize("change", [{"label": "Years"}, {"typical": 50.0}, {"maximum": 90}])
def test_every_revision_asks_for_the_example_again(ada: User, change: dict[str, Any]) -> None:
    version = with_example(make_version())
    edit_age(version, ada, **change)
    asked = Rehearsal.objects.latest("pk")
    assert (asked.kind, asked.revision, asked.status) == ("example", 2, "queued")
    assert asked.requested_by == ada


def test_until_it_is_asked_an_example_of_other_values_is_not_shown(ada: User) -> None:
    version = with_example(make_version())
    edit_age(version, ada, typical=50.0)
    assert example_of(version, typical(version)) is None
    edit_age(version, ada, typical=42)
    assert example_of(version, typical(version)) is not None


@pytest.mark.parametrize("other", [{"sha256": "0" * 64}, {"runtime": "1.3"}])
def test_an_example_of_another_file_or_runtime_is_not_shown(
    db: None, other: dict[str, Any]
) -> None:
    version = with_example(make_version())
    for name, value in other.items():
        setattr(version, name, value)
    assert example_of(version, typical(version)) is None


def test_an_inspection_whose_row_people_changed_since_asks_anew(db: None) -> None:
    version = make_version()
    write_example(version, Example(typical(version) | {"age": 50.0}, LOAN_ANSWER), None)
    assert Rehearsal.objects.get().status == "queued"


def test_a_version_that_cannot_run_has_no_example(db: None) -> None:
    open_one = FeatureSpec("purpose", "Purpose", Kind.STRING, is_complete=False)
    for version in (
        make_version(container=""),
        make_version(features=(AGE, open_one)),
        make_version(altered_at=timezone.now()),
    ):
        assert open_example(version, None) is None


def test_the_sweep_asks_once_for_the_example_of_a_version_from_before(
    db: None, fake_prefect: FakePrefect
) -> None:
    version = inspected(make_version(is_active=True))
    sweep.sweep()
    sweep.sweep()
    assert [one.version for one in Rehearsal.objects.all()] == [version]
    assert len(fake_prefect.runs) == 1


def test_an_archived_version_and_one_that_was_never_inspected_wait_for_no_example(
    db: None,
) -> None:
    inspected(make_version(status=ModelVersion.Status.ARCHIVED))
    make_version()
    open_missing_examples()
    assert not Rehearsal.objects.exists()


def test_a_duplicate_asks_for_its_own_example(ada: User) -> None:
    draft = services.duplicate_version(version=with_example(make_version()), by=ada)
    assert Rehearsal.objects.get(version=draft).kind == "example"


def test_a_form_that_takes_nothing_new_asks_for_no_example(ada: User) -> None:
    edit_age(make_version(features=LOAN_FEATURES), ada)
    assert not Rehearsal.objects.exists()


def test_the_version_says_that_its_interval_is_being_computed_and_why_it_was_not(
    as_ada: Client,
) -> None:
    version = make_version(task="regression", targets=(TargetSpec("", "Price"),))
    run = Rehearsal.objects.create(
        version=version, kind="calibration", revision=1, sha256=version.sha256
    )
    url = f"/admin/models_registry/modelversion/{version.pk}/change/"
    assert "The 90 % interval is being computed" in as_ada.get(url).content.decode()
    Rehearsal.objects.filter(pk=run.pk).update(
        status="failed", finished_at=timezone.now(), message="The store is away."
    )
    assert "The store is away." in as_ada.get(url).content.decode()
