"""A draft that takes over from an earlier version: at upload, at its inspection, and later."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from models_registry import services
from models_registry.errors import VersionLocked
from models_registry.inputs.configuration import ADMIN
from models_registry.models import ModelVersion, TestCase
from models_registry.promotion.readiness import readiness_of
from models_registry.revisions import configuration_of
from models_registry.taking_over import source_for, take_over_of
from tests.factories import AGE, INCOME, LOAN_FEATURES, LOAN_INPUTS, LOAN_TARGET, make_version
from tests.models_registry.admin.test_upload import address, files
from tests.models_registry.services.test_configuring import inspect

NAMED = replace(AGE, label="Years", group="Person", sources={"label": ADMIN, "group": ADMIN})
BARE = replace(LOAN_TARGET, label="", class_labels=((0, "0"), (1, "1")))


@pytest.fixture
def live(db: None) -> ModelVersion:
    """The live version, with a label and a group set by hand and a saved case."""
    version = make_version(features=(NAMED, *LOAN_FEATURES[1:]), is_active=True)
    case(version, "A good one")
    return version


def case(version: ModelVersion, name: str, **fields: Any) -> TestCase:
    defaults: dict[str, Any] = {"inputs": LOAN_INPUTS, "expected": [0]}
    return TestCase.objects.create(version=version, name=name, **defaults | fields)


def draft_of(live: ModelVersion, *, takes_over: bool = True, **findings: Any) -> ModelVersion:
    """A draft of another file, inspected."""
    draft = ModelVersion.objects.create(
        model=live.model,
        number=live.number + 1,
        sha256="b" * 64,
        takes_over=live if takes_over else None,
    )
    inspect(draft, **({"features": LOAN_FEATURES, "targets": (BARE,)} | findings))
    return draft


def test_labels_groups_class_labels_and_cases_come_with_the_inspection(
    live: ModelVersion,
) -> None:
    draft = draft_of(live)
    age = configuration_of(draft).schema.by_name["age"]
    assert (age.label, age.group, age.sources["label"]) == ("Years", "Person", "from v1")
    assert draft.targets.get().spec == LOAN_TARGET
    assert [(one.name, one.passed) for one in draft.cases.all()] == [("A good one", None)]
    record = take_over_of(draft)
    assert record is not None
    assert (record.number, record.cases) == (1, 1)
    assert "Years: Called Age → Years; Group none → Person" in record.taken


def test_without_the_tick_nothing_is_taken_over(live: ModelVersion) -> None:
    draft = draft_of(live, takes_over=False)
    assert configuration_of(draft).schema.by_name["age"].label == "Age"
    assert take_over_of(draft) is None
    assert not draft.cases.exists()


def test_a_case_that_no_longer_fits_is_named_with_its_reason(live: ModelVersion) -> None:
    case(live, "Third", expected=[2])
    draft = draft_of(live, features=(replace(AGE, minimum=40), *LOAN_FEATURES[1:]))
    record = take_over_of(draft)
    assert record is not None
    assert record.cases == 0
    first, third = record.cases_left
    assert first.startswith("“A good one”: Years: 34 is too low.")
    assert third == "“Third”: the model has no class 2."


def test_another_inspection_brings_no_deleted_case_back_and_keeps_what_was_taken(
    live: ModelVersion,
) -> None:
    draft = draft_of(live)
    draft.cases.all().delete()
    inspect(draft, features=LOAN_FEATURES, targets=(BARE,))
    assert not draft.cases.exists()
    assert configuration_of(draft).schema.by_name["age"].label == "Years"


def test_the_live_version_is_taken_over_from_else_the_newest_inspected(
    live: ModelVersion,
) -> None:
    newer = make_version(model=live.model, number=5)
    make_version(model=live.model, number=6, container="")
    assert source_for(live.model) == live
    ModelVersion.objects.filter(pk=live.pk).update(status="archived")
    assert source_for(live.model) == newer
    assert source_for(live.model, besides=newer) == live


def test_a_draft_takes_over_later_and_keeps_what_was_set_on_it(
    live: ModelVersion, ada: User
) -> None:
    draft = draft_of(live, takes_over=False)
    now = configuration_of(draft)
    mine = tuple(replace(one, group="Mine") if one.name == "age" else one for one in now.features)
    services.save_configuration(version=draft, by=ada, configuration=replace(now, features=mine))
    services.take_over_into(version=draft, source=live, by=ada)
    draft.refresh_from_db()
    age = configuration_of(draft).schema.by_name["age"]
    assert (age.label, age.group, draft.revision) == ("Years", "Mine", 3)
    assert draft.revisions.first().changes[0] == "Taken over from v1"  # type: ignore[union-attr]
    assert draft.cases.count() == 1


def test_a_version_that_was_live_takes_nothing_over(live: ModelVersion, ada: User) -> None:
    with pytest.raises(VersionLocked):
        services.take_over_into(version=live, source=make_version(model=live.model), by=ada)


def test_the_upload_offers_to_take_over_and_does_so_unless_told_otherwise(
    as_ada: Client, live: ModelVersion
) -> None:
    page = as_ada.get(address(live.model)).content.decode()
    assert "Take over labels, groups, rules and cases from v1, which is live" in page
    assert 'name="takes_over"' in page
    assert "checked" in page[page.index('name="takes_over"') :][:200]
    as_ada.post(address(live.model), files(takes_over="on"))
    as_ada.post(address(live.model), files())
    given, plain = live.model.versions.order_by("number")[1:]
    assert (given.takes_over, plain.takes_over) == (live, None)


def test_a_first_version_has_nothing_to_take_over(as_ada: Client, db: None) -> None:
    version = make_version(container="")
    assert "takes_over" not in as_ada.get(address(version.model)).content.decode()


def test_the_version_shows_what_was_taken_and_what_does_not_fit(
    as_ada: Client, live: ModelVersion
) -> None:
    draft = draft_of(live, features=LOAN_FEATURES[:3])
    page = as_ada.get(f"/admin/models_registry/modelversion/{draft.pk}/change/").content.decode()
    assert "Taken over from v1" in page
    assert "Employment: v1 has this input, the new file has not." in page


def test_a_checklist_without_cases_is_not_green_where_there_were_cases_before(
    as_ada: Client, live: ModelVersion
) -> None:
    draft = draft_of(live, takes_over=False)
    assert readiness_of(draft).forgotten == live
    url = f"/admin/models_registry/modelversion/{draft.pk}/"
    page = as_ada.get(f"{url}promote/").content.decode()
    assert "This version has no saved cases, and v1 has" in page
    assert "No saved cases that could fail" not in page
    as_ada.post(f"{url}take_over/", {"from": "1"})
    assert readiness_of(draft).forgotten is None
    assert draft.cases.count() == 1


def test_a_first_versions_checklist_may_say_that_there_are_no_cases(
    as_ada: Client, db: None
) -> None:
    version = make_version(features=(AGE, INCOME))
    assert readiness_of(version).forgotten is None
