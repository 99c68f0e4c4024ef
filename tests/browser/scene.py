"""The data of the browser walks. `python -m tests.browser.scene` runs with the environment of the
product under test, makes the rows there and prints the addresses of the pages as JSON, by person.

They are the addresses of the access matrix: a page that is added there is walked too.
"""

import json
import sys
import uuid
from datetime import timedelta
from typing import Any

import django

OWNER, SUPERUSER = 1, 4  # the places of alice and root in an answer of the matrix
ANONYMOUS = 0


def addresses(place: int, rows: dict[str, Any]) -> dict[str, str]:
    """Return every address that one person of the matrix may read, by name; some are downloads."""
    from django.urls import reverse

    from tests.test_access_matrix import MATRIX

    found = {}
    for name, entry in MATRIX.items():
        if entry.is_post or entry.answers[place] != 200:
            continue
        parts = {part: row[1:] if row.startswith("=") else rows[row] for part, row in entry.values}
        found[name] = reverse(name, kwargs=parts)
    return found


def build() -> dict[str, dict[str, str]]:
    """Make the rows, and say where they are shown."""
    from accounts.models import User
    from models_registry.admin.version_page import TABS
    from monitoring.failures.collecting import collect
    from presets.models import Preset
    from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_execution
    from tests.hostile import EVERY, INPUTS, make_hostile_execution, make_hostile_version
    from tests.test_access_matrix import set_scene

    user, admin, root = (
        User.objects.get(email=f"{name}@example.com") for name in ("user", "admin", "superuser")
    )
    scene = set_scene(user, admin, root)
    slug, version = scene.version.model.slug, scene.version
    run = [
        make_execution(
            user=user, version=version, outputs=LOAN_OUTPUTS, inputs=LOAN_INPUTS | {"age": age}
        )
        for age in (30.0, 40.0, 50.0)
    ]
    failed = make_execution(
        user=user,
        version=version,
        error_code="MODEL",
        message="ValueError: could not convert string to float",
        traceback='  File "/srv/model_host/answering/prediction.py", line 88, in predict\n',
    )
    collect()
    hostile = make_hostile_version(is_active=True)
    draft = make_hostile_version(model=hostile.model)
    answers = [make_hostile_execution(user=user, version=hostile) for _ in range(2)]
    Preset.objects.create(user=user, model=hostile.model, name=EVERY[:60], inputs=INPUTS)
    person = addresses(OWNER, scene.values()) | {
        "home": "/",
        "typical": f"/models/{slug}/?typical=1",
        "result": f"/predictions/{run[0].pk}/",
        "failed": f"/predictions/{failed.pk}/",
        "from": f"/models/{slug}/?from={run[0].pk}",
        "delete": f"/history/delete/?ids={run[0].pk}",
        "compare": "/compare/?" + "&".join(f"ids={row.pk}" for row in run),
        "presets": f"/presets/?model={slug}",
        "hostile form": "/models/hostile/",
        "hostile about": "/models/hostile/about/",
        "hostile result": f"/predictions/{answers[0].pk}/",
        "hostile from": f"/models/hostile/?from={answers[0].pk}",
        "hostile compare": "/compare/?" + "&".join(f"ids={row.pk}" for row in answers),
        "hostile presets": "/presets/?model=hostile",
        "hostile history": "/history/?model=hostile",
    }
    every = addresses(SUPERUSER, scene.values())
    staff = {name: path for name, path in every.items() if name not in person} | {
        f"live {name}": path.replace(f"/{scene.draft.pk}/", f"/{version.pk}/")
        for name, path in every.items()
        if f"/modelversion/{scene.draft.pk}/" in path
    }
    for part in TABS:
        for version_name, pk in (("draft", scene.draft.pk), ("live", version.pk)):
            page = f"/admin/models_registry/modelversion/{pk}/change/?tab={part}"
            staff[f"{version_name} version, {part}"] = page
    for name, path in list(staff.items()):
        if f"/{scene.draft.pk}/" in path and not name.startswith("live"):
            staff[f"hostile {name}"] = path.replace(f"/{scene.draft.pk}/", f"/{draft.pk}/")
        elif f"/{version.model_id}/" in path and "registeredmodel" in path:
            staff[f"hostile {name}"] = path.replace(
                f"/{version.model_id}/", f"/{hostile.model_id}/"
            )
    seen = inspected_elsewhere()
    staff["inspecting"] = f"/admin/models_registry/modelversion/{seen.pk}/change/"
    nobody = {
        name: path
        for name, path in addresses(ANONYMOUS, scene.values()).items()
        if name not in person and name not in every
    }
    return {"nobody": nobody, "user": person, "superuser": staff}


def inspected_elsewhere() -> Any:
    """Return a draft whose inspection runs. A worker that does not exist holds it for an hour."""
    from django.db.models.functions import Now

    from models_registry.inspection_steps import FORMAT, RECEIVED
    from models_registry.models import Inspection
    from tests.factories import make_version

    version = make_version(is_tested=False)
    Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status=Inspection.Status.RUNNING,
        steps=[{"name": RECEIVED, "state": "passed", "seconds": 0.1}, {"name": FORMAT}],
        started_at=Now(),
        lease_owner="elsewhere",
        lease_until=Now() + timedelta(hours=1),
    )
    return version


def failed_iris(email: str) -> str:
    """Return the address of a prediction of the demo's iris model that failed for this person."""
    from accounts.models import User
    from models_registry.models import ModelVersion
    from tests.factories import make_execution

    version = ModelVersion.objects.get(model__slug="iris-species", status="active")
    execution = make_execution(
        user=User.objects.get(email=email),
        version=version,
        inputs={"sepal_length": 5.8, "sepal_width": 3.0, "petal_length": 4.35, "petal_width": 1.3},
        error_code="TIMEOUT",
        message="The model took longer than 10 seconds and was stopped.",
    )
    return f"/predictions/{execution.pk}/"


def running_batch(email: str) -> str:
    """Return the address of a batch of the demo's iris model that runs for this person. Two of its
    four rows are done. A worker that does not exist holds the others for an hour."""
    from django.conf import settings
    from django.db.models.functions import Now

    from accounts.models import User
    from executions import lifecycle
    from executions.batches import lifecycle as chunks
    from executions.batches.contents import BatchRow, Part, pack_answers
    from executions.models import Batch, BatchChunk, Execution
    from executions.services.batches import submit_batch
    from model_host.protocol.outputs import ManyOutputs, TargetAnswers
    from models_registry.models import ModelVersion

    settings.BATCH_CHUNK_ROWS = 2
    rows = [
        BatchRow((5.1, 3.5, 1.4, 0.2), carried=(f"Nord {number}",), number=number + 1)
        for number in range(1, 5)
    ]
    execution = submit_batch(
        user=User.objects.get(email=email),
        version=ModelVersion.objects.get(model__slug="iris-species", status="active"),
        rows=rows,
        source=Batch.Source.FILE,
        token=uuid.uuid4(),
        carried=["Beet"],
        file_name="Beete.xlsx",
    )
    lifecycle.mark_running(execution.pk, attempt=1, owner="elsewhere")
    done = chunks.claim_chunk(execution.pk, owner="elsewhere")
    assert done is not None
    setosa = TargetAnswers("", (0, 0), (0, 1, 2), (0.9, 0.9), ((0.9, 0.06, 0.04),) * 2)
    answers = ManyOutputs("classification", 2, rows=(0, 1), targets=(setosa,))
    content = pack_answers([Part(0, answers)])
    assert chunks.mark_chunk_done(done, owner="elsewhere", outputs=content, failed_count=0)
    assert chunks.claim_chunk(execution.pk, owner="elsewhere") is not None
    for held in (Execution.objects.running(), BatchChunk.objects.running()):
        held.filter(lease_owner="elsewhere").update(lease_until=Now() + timedelta(hours=1))
    return f"/predictions/{execution.pk}/rows/"


if __name__ == "__main__":
    django.setup()
    from django.db import transaction

    with transaction.atomic():
        make = {"pages": build, "failed_iris": failed_iris, "running_batch": running_batch}
        made = make[sys.argv[1]](*sys.argv[2:])  # type: ignore[operator]
    json.dump(made, sys.stdout)
