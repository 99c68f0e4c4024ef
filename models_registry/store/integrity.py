"""State changes of a stored file that the machinery reports: altered, or restored.

An altered version takes no executions and is never promoted until its file has passed a check.
"""

import logging

from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse

from accounts.activity import record
from accounts.models import User
from models_registry.models import ModelVersion
from notifications.models import Context, Kind
from notifications.services import notify_admins

logger = logging.getLogger(__name__)


@transaction.atomic
def mark_altered(sha256: str) -> int:
    """Record that the store returned another file for this digest: its versions are marked, by
    compare-and-set, and the admins are told once of each. Returns how many were marked."""
    stand = ModelVersion.objects.filter(sha256=sha256, altered_at=None)
    versions = list(stand.select_for_update(of=["self"]).select_related("model"))
    ModelVersion.objects.filter(pk__in=[version.pk for version in versions]).update(
        altered_at=Now()
    )
    for version in versions:
        logger.error("file_altered version=%s sha256=%s", version, sha256)
        event = record("file found altered", by=None, target=str(version), after={"sha256": sha256})
        notify_admins(
            kind=Kind.FILE_ALTERED,
            cause=f"version {version.pk} altered, event {event.pk}",
            title=f"The stored file of {version} was altered"[:200],
            text="It was not opened, and the version takes no predictions. Restore the file from a "
            "backup, then verify it on the version's page.",
            url=reverse("admin:models_registry_modelversion_change", args=[version.pk]),
            context=Context(model_id=version.model_id),
        )
    return len(versions)


@transaction.atomic
def mark_unaltered(sha256: str, *, by: User | None) -> int:
    """Record that the store's file has its digest again. Returns how many versions take executions
    again."""
    marked = ModelVersion.objects.filter(sha256=sha256).exclude(altered_at=None)
    versions = list(marked.select_for_update(of=["self"]).select_related("model"))
    for version in versions:
        record("file verified", by=by, target=str(version), after={"sha256": sha256})
    return ModelVersion.objects.filter(pk__in=[version.pk for version in versions]).update(
        altered_at=None
    )
