"""The counts of each version's predictions: every prediction counts once, whether it was counted
before or not."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from executions.models import Execution
from executions.records.use import count_use
from models_registry.models import ModelVersion, VersionUse
from tests.factories import LOAN_OUTPUTS, make_execution, make_version


@pytest.fixture
def version(db: None) -> ModelVersion:
    return make_version(is_active=True)


def make_ended(version: ModelVersion, **fields: object) -> Execution:
    """Create a finished prediction of an hour ago, which the next count takes."""
    ago = timezone.now() - timedelta(hours=1)
    return make_execution(version=version, **{"finished_at": ago, "requested_at": ago} | fields)


def make_each(version: ModelVersion) -> None:
    """Create one of each kind: three that count, one that is open, two that are nobody's."""
    make_ended(version, outputs=LOAN_OUTPUTS)
    make_ended(version, error_code="MODEL")
    make_ended(version, status=Execution.Status.CANCELED)
    make_execution(version=version)
    make_ended(version, outputs=LOAN_OUTPUTS, purpose="test")
    make_ended(version, outputs=LOAN_OUTPUTS, purpose="replay")


def use_of(version: ModelVersion) -> tuple[int, float | None]:
    found = ModelVersion.objects.with_use().values_list("served", "success_percent")
    served, percent = found.get(pk=version.pk)
    return served, percent


def test_a_page_says_the_same_before_and_after_a_count(version: ModelVersion) -> None:
    make_each(version)
    assert use_of(version) == (4, 50.0)
    assert count_use() == 3
    assert use_of(version) == (4, 50.0)


def test_each_prediction_is_added_once_however_often_is_counted(version: ModelVersion) -> None:
    make_each(version)
    assert (count_use(), count_use()) == (3, 0)
    make_each(version)
    later = make_version(model=version.model)
    make_ended(later, outputs=LOAN_OUTPUTS)
    VersionUse.objects.update(through=timezone.now() - timedelta(hours=2))
    VersionUse.objects.update(succeeded=0, failed=0, canceled=0)
    assert (count_use(), count_use()) == (7, 0)
    assert use_of(version) == (8, 50.0)
    assert use_of(later) == (1, 100.0)


def test_what_ended_since_the_last_count_is_counted_by_the_page(version: ModelVersion) -> None:
    make_each(version)
    count_use()
    make_execution(version=version, outputs=LOAN_OUTPUTS)  # ended now: its rows may not all be seen
    make_execution(version=version, outputs=LOAN_OUTPUTS)
    assert count_use() == 0
    assert use_of(version) == (6, 75.0)


def test_a_version_that_came_after_the_last_count_is_counted_by_the_page(
    version: ModelVersion,
) -> None:
    count_use()
    later = make_version(model=version.model)
    make_ended(later, outputs=LOAN_OUTPUTS)
    assert use_of(later) == (1, 100.0)


def test_counted_predictions_are_not_read_again(version: ModelVersion) -> None:
    make_each(version)
    count_use()
    VersionUse.objects.filter(version=version).update(succeeded=999)
    assert use_of(version)[0] == 1002


def test_a_fiftieth_of_changed_executions_is_enough_for_a_vacuum(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = 'executions_execution'")
        assert set(cursor.fetchone()[0]) == {
            "autovacuum_vacuum_scale_factor=0.02",
            "autovacuum_vacuum_insert_scale_factor=0.02",
        }
