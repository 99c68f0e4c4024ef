"""The first page of Django admin: the work that waits, the live models, and every list by name."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from executions.models import Execution
from models_registry.models import Inspection, ModelVersion
from monitoring.dashboard import rollup
from monitoring.failures.collecting import collect
from monitoring.models import FailureGroup
from monitoring.models.failure_group import State
from monitoring.support.services import ask
from tests.factories import LOAN_OUTPUTS, make_execution, make_report, make_version


def page(client: Client) -> str:
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return answer.content.decode()


def tasks(client: Client) -> dict[str, tuple[str, str]]:
    """Return the address and the details of each task, by its title."""
    found = client.get("/admin/").context["tasks"]
    return {task.title: (task.url, task.detail) for task in found}


def inspected(version: ModelVersion, status: str = "succeeded", **report: object) -> ModelVersion:
    Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status=status,
        finished_at=timezone.now(),
        report=make_report() | report,
    )
    return version


def fail(version: ModelVersion, message: str) -> Execution:
    return make_execution(version=version, error_code="MODEL", message=message)


def test_without_a_model_the_page_says_how_to_begin(as_ada: Client) -> None:
    said = page(as_ada)
    assert "No model is here yet. Upload one" in said
    assert "Live models" not in said


def test_without_work_the_page_says_so(as_ada: Client, active_version: ModelVersion) -> None:
    assert "Nothing. Every failure is reviewed" in page(as_ada)


def test_upload_a_model_is_the_one_primary_button(
    as_ada: Client, active_version: ModelVersion
) -> None:
    said = page(as_ada)
    address = reverse("admin:models_registry_registeredmodel_add")
    assert f'<a class="act go" href="{address}">Upload a model</a>' in said
    assert said.count("act go") == 1


def test_new_failures_are_counted_and_the_latest_is_named(
    as_ada: Client, active_version: ModelVersion
) -> None:
    fail(active_version, "KeyError: 'age'")
    fail(active_version, "ValueError: too large")
    collect()
    address, said = tasks(as_ada)["2 new failures"]
    assert address == "/monitoring/failures/?state=new"
    latest = FailureGroup.objects.order_by("-last_seen_at", "-pk")[0]
    assert said == f"Latest: {latest.headline} · {active_version.model}"
    assert as_ada.get(address).status_code == 200


def test_failures_that_came_back_are_a_task_of_their_own(
    as_ada: Client, active_version: ModelVersion
) -> None:
    fail(active_version, "KeyError: 'age'")
    collect()
    FailureGroup.objects.update(state=State.REGRESSED, resolved_in=active_version)
    assert tasks(as_ada)["1 failure came back"][0] == "/monitoring/failures/?state=regressed"


def test_a_reviewed_failure_is_no_work(as_ada: Client, active_version: ModelVersion) -> None:
    fail(active_version, "KeyError: 'age'")
    collect()
    FailureGroup.objects.update(state=State.REVIEWED, category="input")
    assert not tasks(as_ada)


def test_open_requests_are_counted_and_the_latest_names_its_person(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    failure = make_execution(
        user=alice, version=active_version, error_code="MODEL", message="KeyError: 'x'"
    )
    ask(execution=failure, text="Why?", by=alice)
    address, said = tasks(as_ada)["1 request waits for an answer"]
    assert address == reverse("monitoring:requests")
    assert said == f"Latest: Alice Aoki about {failure.public_id}"


def test_a_tested_draft_leads_to_its_promotion_and_comes_first(
    as_ada: Client, active_version: ModelVersion
) -> None:
    untested = inspected(make_version())
    ready = inspected(make_version(is_tested=True))
    found = tasks(as_ada)
    assert found[str(ready)] == (
        reverse("admin:models_registry_modelversion_promote", args=[ready.pk]),
        "Promote to Production",
    )
    assert list(found) == [str(ready), str(untested)]


def test_a_draft_says_what_it_needs(as_ada: Client) -> None:
    waiting, refused = make_version(), inspected(make_version(), "failed")
    found = tasks(as_ada)
    assert found[str(waiting)][1] == "The file is being inspected. You can leave this page."
    assert found[str(refused)][1] == "Correct the file and upload it again in its place."
    assert list(found) == [str(refused), str(waiting)]


@pytest.mark.parametrize(
    ("is_superuser", "words"),
    [
        (False, "A superuser reviews the types in the file."),
        (True, "Review the types"),
    ],
)
def test_types_that_wait_for_approval_are_the_work_of_a_superuser(
    client: Client, ada: User, root: User, is_superuser: bool, words: str
) -> None:
    version = inspected(make_version(), "failed", needs_approval=[["rare", "Step"]])
    client.force_login(root if is_superuser else ada)
    address, said = tasks(client)[str(version)]
    assert said == words
    assert client.get(address).status_code == 200


def test_more_drafts_than_the_page_holds_are_a_link(as_ada: Client) -> None:
    for _ in range(10):
        make_version()
    said = page(as_ada)
    assert 'modelversion/?status__exact=draft">2 more drafts</a>' in said


def test_a_live_model_has_its_use_of_14_days_drawn_and_in_words(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    for days in (0, 0, 3, 20):
        make_execution(
            user=alice,
            version=active_version,
            outputs=LOAN_OUTPUTS,
            requested_at=timezone.now() - timedelta(days=days),
        )
    make_execution(user=alice, version=active_version, purpose="test", outputs=LOAN_OUTPUTS)
    said = page(as_ada)
    assert "3 predictions in 14 days, 2 today" in said
    assert '<svg class="sparkline use"' in said
    assert "style=" not in said


def test_the_use_is_the_same_once_the_days_are_counted(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    for _ in range(2):
        make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    before = as_ada.get("/admin/").context["models"][0].use
    rollup.keep_up()
    make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    after = as_ada.get("/admin/").context["models"][0].use
    assert (before.total, after.total) == (2, 3)


@pytest.mark.parametrize("role", ["ada", "root"])
def test_every_list_that_the_role_may_see_is_linked_by_name(
    client: Client, request: pytest.FixtureRequest, role: str
) -> None:
    person = request.getfixturevalue(role)
    client.force_login(person)
    said = page(client)
    for model in admin.site._registry:
        meta = model._meta
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        is_theirs = client.get(address).status_code == 200
        assert (f'href="{address}">' in said) is is_theirs, address
    assert (">Activity</a>" in said) is person.is_superuser


@pytest.mark.parametrize(
    "app", ["accounts", "notifications", "models_registry", "executions", "monitoring"]
)
def test_the_page_of_an_app_names_its_lists(client: Client, root: User, app: str) -> None:
    client.force_login(root)
    answer = client.get(reverse("admin:app_list", args=[app]))
    assert answer.status_code == 200
    assert "Upload a model" not in answer.content.decode()


def test_a_person_without_a_role_does_not_see_the_page(as_alice: Client) -> None:
    assert as_alice.get("/admin/").status_code == 302


def test_counts_of_the_admins_lists_follow_the_readers_notation(
    as_ada: Client, ada: User, active_version: ModelVersion
) -> None:
    fail(active_version, "KeyError: 'age'")
    collect()
    FailureGroup.objects.update(count=1234)
    address = reverse("admin:monitoring_failuregroup_changelist")
    assert "1,234" in as_ada.get(address).content.decode()
    User.objects.filter(pk=ada.pk).update(number_format=",")
    assert "1.234" in as_ada.get(address).content.decode()
