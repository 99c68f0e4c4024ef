"""Operations that the product performs for a chaos run, with its own services, in a process of its
own.

`Machine.act` calls them by name: prepare FOLDER, keep FOLDER, drafts SLUG COUNT DIGEST...,
promote ID..., sweep SECONDS, batch SLUG COUNT, judge_batch ID FOLDER. The last line that is printed
is the answer, as JSON.
"""

import hashlib
import io
import json
import random
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from django.conf import settings
from django.db import close_old_connections, connections
from sklearn.datasets import load_iris
from sklearn.decomposition import NMF
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

import executions.sweep
import models_registry.sweep
from accounts.models import User
from config.errors import DomainError
from executions.batches.contents import BatchRow
from executions.batches.reading import results
from executions.management.publishing import publish
from executions.models import Batch, Execution
from executions.services.batches import submit_batch
from models_registry import services
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.models import Feature, ModelVersion, RegisteredModel, Target
from models_registry.store.storage import store_artifact
from models_registry.tasks import sync_prefect_deployment
from tests.chaos.people import NAMES
from tests.factories import make_model, make_version

PEOPLE = 6
ADMIN = "chaos-admin@example.com"
LIMIT_SECONDS = 3.0
TEST = dict(zip(NAMES, (5.8, 3.0, 4.35, 1.3), strict=True))


def prepare(folder: str) -> dict[str, Any]:
    """People, a forest brought to production as an admin does, and models that misbehave. Every
    file is left in ``folder`` under its digest, for local predictions."""
    data = load_iris(as_frame=True)
    rows, classes = data.data.set_axis(NAMES, axis=1), data.target
    people = [f"chaos{number}@example.com" for number in range(PEOPLE)]
    for email in people:
        User.objects.create_user(email, settings.DEMO_PASSWORD)
    admin = User.objects.create_user(ADMIN, settings.DEMO_PASSWORD, is_staff=True)

    def kept(model: Any) -> bytes:
        file = io.BytesIO()
        joblib.dump(model, file, compress=3)
        content = file.getvalue()
        (Path(folder) / hashlib.sha256(content).hexdigest()).write_bytes(content)
        return content

    def forest(seed: int) -> bytes:
        return kept(RandomForestClassifier(20, random_state=seed).fit(rows, classes))

    publication = publish(
        model_name="Forest", chunks=[forest(0)], file_name="forest.joblib", config={},
        test_inputs=TEST, promotes=True, changes="The first version of the forest.",
        by=admin, seconds=120,
    )  # fmt: skip
    if publication.status != "active":
        raise SystemExit(publication.message)
    forest(1)  # for the versions that are promoted later

    endless = make_pipeline(NMF(2, solver="mu", init="random", max_iter=50), LogisticRegression())
    endless.fit(rows, classes)
    endless[0].set_params(max_iter=10**9, tol=0)
    greedy = make_pipeline(PolynomialFeatures(1), LogisticRegression(max_iter=1000))
    greedy.fit(rows, classes)
    greedy.steps[0] = ("polynomialfeatures", PolynomialFeatures(400).fit(rows))
    return {
        "people": people,
        "admin": ADMIN,
        "forest": publication.version.model.slug,
        "endless": serve("Endless", kept(endless)),
        "greedy": serve("Greedy", kept(greedy)),
        "rare": serve("Rarely asked", forest(2)),
        "altered": serve("Altered in the store", forest(3)),
    }


def serve(name: str, content: bytes) -> str:
    """Create a live version with this file; its tests are taken for granted."""
    sha256 = store_artifact([content]).sha256
    model = make_model(name=name, slug=name.lower().replace(" ", "-"))
    model.predict_seconds = LIMIT_SECONDS
    model.save()
    make_version(
        model=model,
        features=tuple(FeatureSpec(name, name, Kind.FLOAT) for name in NAMES),
        targets=(TargetSpec("", class_labels=tuple(enumerate(("a", "b", "c")))),),
        is_active=True,
        sha256=sha256,
        tested_sha256=sha256,
    )
    sync_prefect_deployment(model.pk)
    return str(model.slug)


def drafts(slug: str, count: str, *digests: str) -> list[int]:
    """Tested drafts of the model like its live version, with these files in turn."""
    model = RegisteredModel.objects.get(slug=slug)
    live = model.versions.active().get()
    latest = max(model.versions.values_list("number", flat=True))
    made = []
    for offset in range(int(count)):
        sha256 = digests[offset % len(digests)]
        version = ModelVersion.objects.get(pk=live.pk)
        version.pk, version.number, version.activated_at = None, latest + 1 + offset, None
        version.status = ModelVersion.Status.DRAFT
        version.sha256 = version.tested_sha256 = sha256
        version.save()
        for kind in (Feature, Target):
            for row in kind._default_manager.filter(version=live):
                row.pk, row.version = None, version
                row.save()
        made.append(version.pk)
    return made


def keep(folder: str) -> list[str]:
    """Put every file of the folder into the store that is not there; their digests."""
    return [store_artifact([path.read_bytes()]).sha256 for path in Path(folder).iterdir()]


def promote(*ids: str) -> dict[str, int]:
    """Promote all of these versions at once, as so many admins would."""
    admin = User.objects.get(email=ADMIN)
    ready = threading.Barrier(len(ids))

    def one(pk: str) -> str:
        version = ModelVersion.objects.get(pk=pk)
        ready.wait()
        try:
            services.promote(
                version=version, text="One of many at once.", by=admin,
                libraries_tested=True, inputs_reviewed=True,
            )  # fmt: skip
        except DomainError as error:
            return type(error).__name__
        finally:
            connections.close_all()
        return "promoted"

    with ThreadPoolExecutor(len(ids)) as admins:
        outcomes = list(admins.map(one, ids))
    return {outcome: outcomes.count(outcome) for outcome in outcomes}


def sweep(seconds: str) -> int:
    """Sweep eight more times without a pause, beside Celery and the worker; return how many rows
    were handed over."""
    until = time.monotonic() + float(seconds)

    def again_and_again(look: Callable[[], int]) -> int:
        handed = 0
        while time.monotonic() < until:
            close_old_connections()
            handed += look()
            time.sleep(0.05)
        connections.close_all()
        return handed

    looks = [executions.sweep.sweep] * 4 + [models_registry.sweep.sweep] * 4
    with ThreadPoolExecutor(len(looks)) as threads:
        return sum(threads.map(again_and_again, looks))


def batch(slug: str, count: str) -> str:
    """Submit so many rows to the model as one batch of the first person; return its id."""
    version = RegisteredModel.objects.get(slug=slug).versions.active().get()
    rows = (BatchRow(values, carried=(n,), number=n) for n, values in enumerate(_rows(int(count))))
    execution = submit_batch(
        user=User.objects.get(email="chaos0@example.com"),
        version=version,
        rows=rows,
        source=Batch.Source.API,
        token=uuid.uuid4(),
        carried=["n"],
    )
    return str(execution.pk)


def judge_batch(pk: str, folder: str) -> dict[str, Any]:
    """Compare a batch with what its file answers here: rows that are lost, doubled or wrong."""
    execution = Execution.objects.select_related("version", "batch").get(pk=pk)
    found = list(results(execution))
    model = joblib.load(Path(folder) / execution.version_sha256)
    sent = _rows(execution.batch.row_count)
    labels = model.predict(pd.DataFrame(sent, columns=list(NAMES))).tolist()
    told = [row.outputs.targets[0].value if row.outputs else None for row in found]
    places = [row.carried[0] for row in found]
    return {
        "status": execution.status,
        "lost": len(set(range(len(sent))) - set(places)) + told.count(None),
        "doubled": len(places) - len(set(places)),
        "wrong": sum(
            one is not None and one != labels[place]
            for one, place in zip(told, places, strict=True)
        ),
        "in_order": places == list(range(len(places))),
        "done_twice": execution.attempts.filter(outcome="succeeded").count() > 1,
    }


def _rows(count: int) -> list[tuple[float, ...]]:
    dice = random.Random(count)
    return [tuple(round(dice.uniform(0.1, 7.9), 1) for _ in NAMES) for _ in range(count)]


ACTS: dict[str, Callable[..., Any]] = {
    act.__name__: act for act in (prepare, drafts, keep, promote, sweep, batch, judge_batch)
}


def main() -> None:
    name, *arguments = sys.argv[1:]
    print(json.dumps(ACTS[name](*arguments)))
