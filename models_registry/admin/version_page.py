"""The context of a version's page: its file, its tests and metrics, and the decisions about it."""

import json
from typing import Any

from django.urls import reverse

from config.text.plain_text import escaped
from models_registry.admin.inspection_page import inspection_context
from models_registry.admin.next_step import next_step
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
from models_registry.timeline.periods import periods_of

REVISIONS_SHOWN = 20


def version_context(version: ModelVersion) -> dict[str, Any]:
    """Build the page's context for a version read ``with_use``, with its model and its uploader; a
    fixed number of queries. ``metrics``: (name, value, direction). ``config`` is the training
    configuration as text, unknown keys and all."""
    inspected = inspection_context(version)
    examination = examination_of(version)
    directions = version.training.metric_direction
    periods = periods_of(version.model.deployments.events())
    incomplete = version.features.filter(is_complete=False).count()
    step = next_step(
        version,
        inspected.inspection,
        incomplete=incomplete,
        failing_cases=version.cases.open().count(),
    )
    return vars(inspected) | {
        "next_step": step,
        "next_url": _address(version, step.page) if step else "",
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
        "input_count": version.features.count(),
        "incomplete": incomplete,
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


def _address(version: ModelVersion, page: str) -> str:
    if not page or page.startswith("#"):
        return page
    names = {"test": "executions_execution_test"}
    return reverse(
        f"admin:{names.get(page, f'models_registry_modelversion_{page}')}", args=[version.pk]
    )
