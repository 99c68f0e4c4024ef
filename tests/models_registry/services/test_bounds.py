"""A bound on the next version, proposed from a failure on a version that is locked."""

from dataclasses import replace

import pytest

from accounts.models import User
from models_registry import services
from models_registry.errors import BoundDoesNotFit
from models_registry.inputs.bounds import Bound
from models_registry.models import ModelVersion
from models_registry.revisions import configuration_of
from tests.factories import AGE, INCOME, make_version

BOUND = Bound("minimum", 21, "")


def minimum_of(version: ModelVersion) -> object:
    return configuration_of(version).schema.by_name["age"].minimum


def test_a_bound_makes_a_draft_of_the_live_version_and_leaves_that_as_it_is(
    active_version: ModelVersion, ada: User
) -> None:
    draft = services.propose_bound(version=active_version, input="age", bound=BOUND, by=ada)
    assert (draft.status, draft.number) == ("draft", active_version.number + 1)
    assert (minimum_of(draft), minimum_of(active_version)) == (21, 18)
    assert not draft.is_tested


def test_a_bound_goes_to_the_open_draft_and_undoes_its_test(
    active_version: ModelVersion, ada: User
) -> None:
    draft = make_version(model=active_version.model, number=active_version.number + 1)
    assert services.propose_bound(version=active_version, input="age", bound=BOUND, by=ada) == draft
    draft.refresh_from_db()
    assert minimum_of(draft) == 21
    assert not draft.is_tested
    assert "18 to 100 → 21 to 100" in draft.revisions.latest("number").changes[0]


def test_a_draft_without_the_input_is_no_next_version_for_its_bound(
    active_version: ModelVersion, ada: User
) -> None:
    other = make_version(
        model=active_version.model, number=active_version.number + 1, features=(INCOME,)
    )
    draft = services.propose_bound(version=active_version, input="age", bound=BOUND, by=ada)
    assert draft.number == other.number + 1


def test_a_draft_that_is_stricter_already_keeps_its_bound_and_its_test(
    active_version: ModelVersion, ada: User
) -> None:
    stricter = replace(AGE, minimum=30)
    draft = make_version(
        model=active_version.model, number=active_version.number + 1, features=(stricter,)
    )
    services.propose_bound(version=active_version, input="age", bound=BOUND, by=ada)
    draft.refresh_from_db()
    assert (minimum_of(draft), draft.is_tested) == (30, True)


def test_a_bound_that_contradicts_the_typical_value_says_so_and_leaves_no_draft(
    active_version: ModelVersion, ada: User
) -> None:
    high = Bound("minimum", 60, "")
    with pytest.raises(BoundDoesNotFit, match=r"cannot have this limit for Age: 42 is too low"):
        services.propose_bound(version=active_version, input="age", bound=high, by=ada)
    assert active_version.model.versions.count() == 1


def test_an_archived_versions_failure_makes_a_draft_of_the_live_one(
    active_version: ModelVersion, ada: User
) -> None:
    old = make_version(model=active_version.model, number=9, status=ModelVersion.Status.ARCHIVED)
    draft = services.propose_bound(version=old, input="age", bound=BOUND, by=ada)
    assert draft.sha256 == active_version.sha256
