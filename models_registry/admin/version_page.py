"""The context of a version's page: its path, and the facts in the parts of the page."""

import json
from typing import Any

from django.urls import reverse

from config.text.plain_text import escaped
from models_registry.admin.inspection_page import InspectionContext, inspection_context
from models_registry.admin.version_path import NextStep, Standing, next_step, path_of
from models_registry.card.facts import (
    cases_text,
    container_text,
    examination_of,
    saved_with_text,
    served_by_text,
    signs_of_preparation,
    task_text,
)
from models_registry.card.model_card import certainty_text, libraries_of
from models_registry.models import ModelVersion, TypeApproval
from models_registry.promotion.metric_changes import direction_of, metric_text
from models_registry.taking_over import source_for, take_over_of
from models_registry.timeline.periods import periods_of

REVISIONS_SHOWN = 20
TABS = {
    "inputs": "Inputs",
    "tests": "Tests",
    "file": "File",
    "text": "Description",
    "activity": "Activity",
}
"""The parts of the page by their name in the address; one is shown."""


def version_context(version: ModelVersion, tab: str) -> dict[str, Any]:
    """Build the page's context for a version read ``with_use``, with its model and its uploader; a
    fixed number of queries. ``tab``: the part that the address asks for. ``metrics``: (name, value,
    direction). ``config`` is the training configuration as text, unknown keys and all."""
    inspected = inspection_context(version)
    examination = examination_of(version)
    directions = version.training.metric_direction
    periods = periods_of(version.model.deployments.events())
    standing = _standing(version, inspected)
    step = next_step(standing)
    first = "inputs" if version.container else "file"
    return vars(inspected) | {
        "path": path_of(standing),
        "taken_over": take_over_of(version),
        "to_take_over": source_for(version.model, besides=version)
        if version.container and not version.is_locked and not version.taken_over
        else None,
        "interval_run": version.rehearsals.filter(kind="calibration").first(),
        "next_step": step,
        "next_url": _address(version, step),
        "tabs": TABS,
        "tab": tab if tab in TABS else first,
        "task": task_text(version),
        "takes": container_text(version),
        "certainty": certainty_text(version, examination),
        "saved_with": saved_with_text(version),
        "served_by": served_by_text(version, examination),
        "libraries": libraries_of(version, examination),
        "metrics": [
            (name, metric_text(value), direction_of(name, directions))
            for name, value in version.metrics.items()
        ],
        "config": escaped(
            json.dumps(version.training_config, indent=2, ensure_ascii=False), keep="\n"
        )
        if version.training_config
        else "",
        "input_count": standing.inputs,
        "incomplete": standing.incomplete,
        "signs_of_preparation": signs_of_preparation(version, examination),
        "cases": cases_text(version),
        "approvals": TypeApproval.objects.filter(sha256=version.sha256).select_related(
            "approved_by"
        )
        if version.sha256
        else [],
        "revisions": version.revisions.select_related("by")[:REVISIONS_SHOWN],
        "deployments": version.deployments.select_related("by").order_by("-started_at", "-id"),
        "periods": [period for period in reversed(periods) if period.version_id == version.pk],
    }


def _standing(version: ModelVersion, inspected: InspectionContext) -> Standing:
    seen = inspected.seen
    return Standing(
        version,
        inspected.inspection,
        passed=len(seen.passed) if seen else 0,
        warned=len(seen.notable) if seen else 0,
        inputs=version.features.count(),
        incomplete=version.features.filter(is_complete=False).count(),
        cases=version.cases.count(),
        failing=version.cases.open().count(),
    )


def _address(version: ModelVersion, step: NextStep) -> str:
    if not step.page or step.page.startswith("#"):
        return step.page
    if step.page == "form":
        return reverse("executions:create", args=[version.model.slug])
    if step.page in {"test", "cases"}:
        page = reverse("admin:executions_execution_test", args=[version.pk])
        return f"{page}#cases-h" if step.page == "cases" else page
    return reverse(f"admin:models_registry_modelversion_{step.page}", args=[version.pk])
