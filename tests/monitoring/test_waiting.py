"""What waits for an admin."""

from accounts.models import User
from models_registry.models import ModelVersion
from monitoring.failures.collecting import collect
from monitoring.failures.triage import mark_reviewed
from monitoring.models import Category, FailureGroup, SupportRequest
from monitoring.support.services import ask, close
from monitoring.waiting import new_failures, open_requests
from tests.factories import LOAN_OUTPUTS, make_execution


def test_failures_wait_until_they_are_reviewed(
    active_version: ModelVersion, alice: User, ada: User
) -> None:
    for message in ("KeyError: 'a'", "ValueError: no", "TypeError: no", "OSError: no"):
        make_execution(version=active_version, user=alice, error_code="MODEL", message=message)
    collect()
    waiting = new_failures()
    assert waiting.count == 4
    assert len(waiting.newest) == 3
    newest = FailureGroup.objects.get(pk=waiting.newest[0].pk)
    mark_reviewed(group=newest, category=Category.INPUT, by=ada)
    assert new_failures().count == 3
    assert newest not in new_failures().newest


def test_a_request_waits_until_it_is_answered_or_closed(
    active_version: ModelVersion, alice: User, ada: User
) -> None:
    execution = make_execution(version=active_version, user=alice, outputs=LOAN_OUTPUTS)
    assert open_requests().count == 0
    ask(execution=execution, text="Is this right?", by=alice)
    waiting = open_requests()
    assert waiting.count == 1
    assert waiting.newest[0].last_words == "Is this right?"  # type: ignore[attr-defined]
    close(request=SupportRequest.objects.get(), by=ada)
    assert open_requests().count == 0
