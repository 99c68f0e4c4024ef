"""The installation of the backup's tests, in a process of its own: `python -m
tests.config.kept_installation publish|fill|go_on`, answered in JSON."""

# ruff: noqa: E402 - Django is prepared before its models are imported

import io
import json
import sys
from datetime import timedelta
from typing import Any

import django

django.setup()

import joblib
from django.conf import settings
from django.utils import timezone
from sklearn.linear_model import LogisticRegression

from executions.models import Execution
from executions.sweep import take_stalled
from flows import predict as flow
from models_registry.models import ModelVersion, RegisteredModel
from tests.factories import make_execution, make_user
from tests.flows.resident import INPUTS, IRIS, serve_iris


def publish() -> dict[str, Any]:
    """Publish two versions of a model; the older one is not live any more."""
    versions = []
    for strength in (1.5, 0.01):
        ModelVersion.objects.update(status="archived")
        file = io.BytesIO()
        joblib.dump(LogisticRegression(C=strength, max_iter=500).fit(IRIS.data, IRIS.target), file)
        versions.append(serve_iris(file.getvalue()))
    return {"old": versions[0].sha256}


def fill() -> dict[str, Any]:
    """Create the two versions, one finished prediction, one that waits, and one whose worker is
    gone."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    published, alice = publish(), make_user("alice@example.com")
    old, new = ModelVersion.objects.order_by("pk")
    run(make_execution(user=alice, version=old, inputs=INPUTS))
    an_hour_ago = timezone.now() - timedelta(hours=1)
    make_execution(user=alice, version=new, inputs=INPUTS, deadline=an_hour_ago)
    make_execution(
        user=alice, version=new, inputs=INPUTS, deadline=an_hour_ago, status="running",
        started_at=an_hour_ago, lease_owner="gone", lease_until=an_hour_ago,
    )  # fmt: skip
    return look() | published


def look() -> dict[str, Any]:
    finished = Execution.objects.finished().get()
    return {
        "models": RegisteredModel.objects.count(),
        "files": sorted(ModelVersion.objects.values_list("sha256", flat=True)),
        "finished": [str(finished.pk), finished.outputs],
        "statuses": sorted(Execution.objects.values_list("status", flat=True)),
    }


def go_on() -> dict[str, Any]:
    """Return what is there, how many executions the sweep would hand to Prefect at once, and what
    the oldest version answers today."""
    found = look() | {"due": len(take_stalled())}
    execution = make_execution(version=ModelVersion.objects.earliest("pk"), inputs=INPUTS)
    run(execution)
    execution.refresh_from_db()
    return found | {"targets": (execution.outputs or {}).get("targets")}


def run(execution: Execution) -> None:
    flow.claim(str(execution.pk), execution.attempt, None).carry_out()


if __name__ == "__main__":
    print(json.dumps({"publish": publish, "fill": fill, "go_on": go_on}[sys.argv[1]]()))
