"""The page of a version: its path to production, the one thing to do next, and its parts."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from models_registry.inspection_steps import IN_ORDER, TYPES, StepTaken
from models_registry.models import Inspection, ModelVersion, TestCase
from tests.factories import make_report, make_version


def page_of(client: Client, version: ModelVersion, tab: str = "") -> Any:
    return client.get(f"/admin/models_registry/modelversion/{version.pk}/change/?tab={tab}")


def path(client: Client, version: ModelVersion) -> list[tuple[str, str]]:
    return [(step.state, step.detail) for step in page_of(client, version).context["path"]]


def buttons(page: Any) -> list[str]:
    """The primary actions of a page, in words."""
    found = re.findall(r'class="act go"[^>]*>([^<]*)<', page.text)
    return [*found, *re.findall(r'class="default"[^>]*value="([^"]*)"', page.text)]


def inspect(version: ModelVersion, status: str = "succeeded", **fields: Any) -> Inspection:
    """An inspection that has ended, of which every check passed but those in ``states``."""
    states = fields.pop("states", {})
    fields.setdefault("report", make_report())
    return Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status=status,
        finished_at=timezone.now(),
        steps=[
            {"name": name, "state": states.get(name, "passed"), "detail": "", "seconds": 0.1}
            for name in IN_ORDER
        ],
        **fields,
    )


def test_a_draft_goes_by_four_steps_and_its_page_names_the_next_one_alone(
    as_ada: Client, db: None
) -> None:
    version = make_version(is_tested=False)
    inspect(version)
    version.features.filter(name__in=["age", "work"]).update(is_complete=False)
    assert path(as_ada, version) == [
        ("done", "9 checks passed"),
        ("now", "2 of 4 to complete"),
        ("to come", ""),
        ("to come", ""),
    ]
    assert buttons(page_of(as_ada, version)) == ["Complete 2 inputs"]

    version.features.update(is_complete=True)
    assert path(as_ada, version)[1:] == [
        ("done", "4 inputs"),
        ("now", "Revision 1 is not tested"),
        ("to come", ""),
    ]
    assert buttons(page_of(as_ada, version)) == ["Run a test"]


def test_us_2_3_2_a_tested_draft_offers_promote_to_production(as_ada: Client, db: None) -> None:
    version = make_version()
    inspect(version)

    page = page_of(as_ada, version)

    assert buttons(page) == ["Promote to Production"]
    assert f'href="/admin/models_registry/modelversion/{version.pk}/promote/"' in page.text
    assert [state for state, _ in path(as_ada, version)] == ["done", "done", "done", "now"]


def test_a_draft_with_a_case_that_does_not_pass_leads_to_its_cases(
    as_ada: Client, ada: User
) -> None:
    version = make_version()
    inspect(version)
    TestCase.objects.create(version=version, name="Typical", inputs={}, expected=[], created_by=ada)

    page = page_of(as_ada, version)

    assert buttons(page) == ["See the saved cases"]
    assert path(as_ada, version)[2] == ("now", "1 of 1 saved cases to pass")


@pytest.mark.parametrize("tab", ["inputs", "tests", "file", "text", "activity"])
@pytest.mark.parametrize("status", ["draft", "active", "archived"])
def test_every_part_of_a_version_shows_the_same_single_primary_action(
    as_ada: Client, db: None, status: str, tab: str
) -> None:
    version = make_version(is_active=status == "active")
    if status == "archived":
        version.status, version.activated_at = ModelVersion.Status.ARCHIVED, timezone.now()
        version.save()
    inspect(version)
    action = {
        "draft": "Promote to Production",
        "active": "Open its form",
        "archived": "Make active again …",
    }

    page = page_of(as_ada, version, tab)

    assert buttons(page) == [action[status]]
    tabs = page.text.partition('<nav class="tabs"')[2].partition("</nav>")[0]
    assert tabs.count('aria-current="page"') == 1


def test_checks_that_passed_stand_in_one_line_and_one_with_a_warning_stays_open(
    as_ada: Client, db: None
) -> None:
    version = make_version(is_tested=False)
    inspect(version, states={TYPES: "warning"})

    page = page_of(as_ada, version).text

    shown, folded = page.split('<details class="fold">')[:2]
    assert "8 checks passed" in folded
    assert TYPES in shown
    assert IN_ORDER[0] not in shown
    assert IN_ORDER[0] in folded


def test_a_refused_file_says_why_once_and_can_be_replaced_at_once(as_ada: Client, db: None) -> None:
    version = make_version(is_tested=False, container="")
    steps = [StepTaken(IN_ORDER[0], "passed"), StepTaken(IN_ORDER[1], "failed", "No model")]
    row = inspect(version, "failed", message="No model", report={})
    row.steps = [vars(step) for step in steps]
    row.save()

    page = page_of(as_ada, version)

    assert buttons(page) == ["Replace the file"]
    assert page.text.count("No model") == 1
    assert 'name="file"' in page.text
    assert path(as_ada, version)[0] == ("failed", "The file was refused")


def test_only_a_superuser_is_offered_to_review_the_types_of_a_file(
    as_ada: Client, root: User
) -> None:
    as_root = Client()
    as_root.force_login(root)
    version = make_version(is_tested=False, container="")
    report = {"needs_approval": [["acme", "Bands"]], "refused": ["acme.Bands"]}
    inspect(version, "failed", message="The file names acme.Bands.", report=report)

    assert path(as_ada, version)[0] == ("warning", "Types need approval")
    assert buttons(page_of(as_ada, version)) == []
    assert buttons(page_of(as_root, version)) == ["Review the types"]


def test_a_file_that_waits_for_its_runtime_says_for_which(as_ada: Client, db: None) -> None:
    version = make_version(is_tested=False, container="")
    inspect(version, "failed", message="No worker has it.", report={"needs_runtime": "1.5"})

    assert path(as_ada, version)[0] == ("warning", "Waits for scikit-learn 1.5")
    assert "Add scikit-learn 1.5 to a worker" in page_of(as_ada, version).text


def test_a_file_that_is_inspected_can_only_be_waited_for(as_ada: Client, db: None) -> None:
    version = make_version(is_tested=False, container="")
    Inspection.objects.create(version=version, sha256=version.sha256)

    page = page_of(as_ada, version)

    assert path(as_ada, version)[0] == ("running", "Waiting")
    assert buttons(page) == []
    assert "The file is being inspected. You can leave this page." in page.text


def test_an_altered_file_is_verified_before_anything_else(as_ada: Client, db: None) -> None:
    version = make_version(is_active=True, altered_at=timezone.now())

    assert buttons(page_of(as_ada, version)) == ["Verify the file"]


def test_the_label_is_saved_where_it_is_shown(as_ada: Client, db: None) -> None:
    version = make_version()
    words = {"label": "Spring", "description": "", "release_notes": ""}

    page = as_ada.post(
        f"/admin/models_registry/modelversion/{version.pk}/change/", words, follow=True
    )

    version.refresh_from_db()
    assert version.label == "Spring"
    assert page.context["tab"] == "text"
    assert 'value="Spring"' in page.text


def test_everything_about_a_version_is_one_link_away_from_its_page(
    as_ada: Client, db: None
) -> None:
    version = make_version(is_active=True)
    inspect(version)
    here = f"/admin/models_registry/modelversion/{version.pk}"
    runs = "/admin/executions/execution"
    wanted = {
        f"{here}/inputs/", f"{here}/reference/", f"{here}/card/", f"{here}/duplicate/",
        f"{here}/history/", f"{here}/download/", f"{runs}/preview/{version.pk}/",
        f"{runs}/test/{version.pk}/",
        f"/admin/models_registry/registeredmodel/{version.model_id}/retire/",
        f"/admin/models_registry/registeredmodel/{version.model_id}/compare/?b={version.number}",
    }  # fmt: skip

    found = set()
    for tab in ("inputs", "tests", "file", "text", "activity"):
        page = page_of(as_ada, version, tab).text
        found |= {address for address in wanted if f'="{address}"' in page}

    assert found == wanted
