from dataclasses import replace
from typing import Any

import pytest
from django.db.models.functions import Now

from accounts.models import User
from config.errors import DomainError
from executions.management import publishing
from executions.management.publishing import _test
from executions.models import Execution
from models_registry import services
from models_registry.models import Deployment, Inspection, ModelVersion
from tests.factories import AGE, HOME, LOAN_OUTPUTS, make_version
from tests.fake_prefect import FakePrefect
from tests.models_registry.services.test_configuring import inspect


def test_an_input_that_is_not_complete_is_said_before_what_does_not_fit(ada: User) -> None:
    open_input = replace(AGE, name="month", label="Month", is_complete=False)
    version = make_version(features=(AGE, HOME, open_input))
    with pytest.raises(DomainError, match="Please complete these inputs first: Month"):
        _test(version, {"age": "old", "month": "May"}, ada)


@pytest.fixture
def inspects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machinery inspects and tests at once, in this process."""

    def finished(row: Inspection | Execution, *, seconds: float) -> bool:
        if isinstance(row, Inspection):
            inspect(row.version, features=(AGE, HOME))
            Inspection.objects.filter(pk=row.pk).update(status="succeeded", finished_at=Now())
        else:
            Execution.objects.filter(pk=row.pk).update(
                status="succeeded", outputs=LOAN_OUTPUTS, finished_at=Now()
            )
            services.mark_tested(
                version_id=row.version_id, sha256=row.version_sha256, revision=row.version_revision
            )
        row.refresh_from_db()
        return True

    monkeypatch.setattr(publishing, "wait_for", finished)


def published(by: User, **options: Any) -> publishing.Publication:
    asked: dict[str, Any] = {
        "model_name": "Loan",
        "chunks": [b"another model" + repr(options).encode()],
        "file_name": "loan.joblib",
        "config": {},
        "test_inputs": {"age": 34, "home": True},
        "promotes": True,
        "by": by,
        "seconds": 1,
    }
    return publishing.publish(**asked | options)


def texts() -> list[str]:
    return list(Deployment.objects.order_by("pk").values_list("text", flat=True))


def test_what_changed_is_said_or_taken_from_the_inputs(
    ada: User, inspects: None, fake_prefect: FakePrefect
) -> None:
    published(ada)
    live = ModelVersion.objects.get()
    live.features.filter(name="age").update(unit="months")
    published(ada, takes_over=False, inputs_reviewed=True)
    published(ada, changes="Trained on newer data.", inputs_reviewed=True)
    assert texts() == [
        "Loan can be used for the first time.",
        "Age: Unit months → years.",
        "Trained on newer data.",
    ]


def test_equal_inputs_and_no_word_on_the_change_are_asked_about(
    ada: User, inspects: None, fake_prefect: FakePrefect
) -> None:
    published(ada)
    with pytest.raises(DomainError, match="--changes TEXT"):
        published(ada, model_name="Loan", file_name="b.joblib")
    assert len(texts()) == 1


def test_a_draft_that_was_refused_before_it_ran_does_not_stay(
    ada: User, inspects: None, fake_prefect: FakePrefect
) -> None:
    with pytest.raises(DomainError, match="do not fit"):
        published(ada, test_inputs={"age": "old"})
    assert not ModelVersion.objects.exists()


def test_too_short_a_text_is_refused_before_anything_is_uploaded(ada: User) -> None:
    with pytest.raises(DomainError):
        published(ada, changes="Better")
    assert not ModelVersion.objects.exists()


def test_a_script_takes_over_unless_it_asks_for_a_fresh_start(
    ada: User, inspects: None, fake_prefect: FakePrefect
) -> None:
    first = published(ada).version
    taking = published(ada, promotes=False, file_name="b").version
    fresh = published(ada, promotes=False, file_name="c", takes_over=False).version
    assert (taking.takes_over, fresh.takes_over) == (first, None)
