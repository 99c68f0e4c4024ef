"""The same rows through the form, a batch, the API and both dialects: the same answers, to the last
bit, for ten kinds of models. The bodies of the Open Inference Protocol are Triton's own client's.

A worker's flow runs where a request waits, in the same process; the model's process is real.
"""

import io
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from django.test import Client
from pytest_django import Settings
from sklearn.tree import DecisionTreeClassifier

from accounts.models import User
from accounts.tokens.services import make_token
from executions.api import routes
from executions.batches.contents import BatchRow
from executions.batches.reading import results
from executions.dialects import views as dialects
from executions.dialects.columns import columns_of
from executions.models import Batch, Execution
from executions.services.batches import submit_batch
from flows import batch, predict
from flows.inspecting.proposal import propose
from model_host.protocol.outputs import Outputs
from model_host.structure.examine import examine
from models_registry.models import ModelVersion
from models_registry.store.storage import store_artifact
from models_registry.training.training_config import read
from tests.factories import make_version
from tests.model_host.estimators import numbers, specimen
from tests.model_host.test_many_rows import rows_for

pytestmark = [
    pytest.mark.usefixtures("no_renewal", "fake_prefect"),
    pytest.mark.filterwarnings("ignore"),
]

ROWS = 4
Rows = list[dict[str, Any]]
Columns = dict[str, list[Any]]


def _with_a_truth() -> Any:
    frame = numbers().assign(owner=np.arange(60) % 3 == 0)
    return DecisionTreeClassifier(random_state=0).fit(frame, np.arange(60) % 3 == 0)


def _of_many_classes() -> Any:
    classes = [f"place {number % 40}" for number in range(60)]
    return DecisionTreeClassifier(random_state=0).fit(numbers(), classes)


KINDS: dict[str, Callable[[], Any]] = {
    "a classifier": lambda: specimen("random forest").estimator,
    "a regressor": lambda: specimen("ridge").estimator,
    "several outputs": lambda: specimen("several amounts").estimator,
    "without probabilities": lambda: specimen("perceptron").estimator,
    "one-hot encoded": lambda: specimen("mixed columns, logistic regression").estimator,
    "with missing values": lambda: specimen("mixed columns, histogram boosting").estimator,
    "a text": lambda: specimen("text, neighbours").estimator,
    "a truth": _with_a_truth,
    "many classes": _of_many_classes,
    "an interval": lambda: specimen("bayesian ridge").estimator,
}


@pytest.fixture(autouse=True)
def worker(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the flow of an execution run where a request waits for it."""
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"
    settings.API_REQUESTS_PER_MINUTE = 10_000
    for place in (dialects, routes):
        monkeypatch.setattr(place, "waited", lambda execution, seconds: carried_out(execution))


def carried_out(execution: Execution) -> Execution:
    flow = batch if execution.purpose == Execution.Purpose.BATCH else predict
    flow.claim(str(execution.pk), execution.attempt).carry_out()
    execution.refresh_from_db()
    assert execution.status == "succeeded"
    return execution


@pytest.fixture(params=KINDS)
def asked(db: None, request: pytest.FixtureRequest) -> tuple[ModelVersion, Rows]:
    """A live version of one kind, and rows for it."""
    estimator = KINDS[request.param]()
    found = examine(estimator, {}, [])
    proposed = propose(found, read({}))
    file = io.BytesIO()
    joblib.dump(estimator, file)
    sha256 = store_artifact([file.getvalue()]).sha256
    version = make_version(
        features=proposed.features,
        targets=proposed.targets,
        is_active=True,
        sha256=sha256,
        tested_sha256=sha256,
        container=found.container,
        task=found.task,
    )
    names = [one.name for one in found.features]
    return version, [dict(zip(names, row, strict=True)) for row in rows_for(found, ROWS)]


class Roads:
    """Each method asks a version for rows on one road; every answer is columns by name."""

    def __init__(self, user: User, version: ModelVersion) -> None:
        self.user, self.version, self.slug = user, version, version.model.slug
        self.schema = version.features.as_schema()
        self.person = Client()
        self.person.force_login(user)
        _, secret = make_token(user=user, name="Program", scopes=["predict"], by=user)
        self.program = Client(headers={"Authorization": f"Bearer {secret}"})

    def form(self, rows: Rows) -> Columns:
        answers = []
        for row in rows:
            fields = {
                f"f{place}": one.as_typed(row[one.name])
                for place, one in enumerate(self.schema.features)
            }
            said = {"form_token": str(uuid.uuid4()), "schema": self.schema.digest}
            answer = self.person.post(f"/models/{self.slug}/", fields | said)
            assert answer.status_code == 302, answer.context["form"].errors
            pk = answer["Location"].split("/")[-2]
            outputs = carried_out(Execution.objects.get(pk=pk)).read_outputs()
            assert outputs is not None
            answers.append(outputs)
        return self._columns(answers)

    def batch(self, rows: Rows) -> Columns:
        execution = submit_batch(
            user=self.user,
            version=self.version,
            rows=[BatchRow(tuple(self.schema.clean(row).values.values())) for row in rows],
            source=Batch.Source.FILE,
            token=uuid.uuid4(),
        )
        return self._columns(
            [row.outputs for row in results(carried_out(execution)) if row.outputs]
        )

    def api(self, rows: Rows) -> list[Any]:
        """The values of the API's targets, which have names of their own."""
        answer = self.program.post(
            f"/api/v1/models/{self.slug}/predictions",
            json.dumps({"inputs": rows}),
            content_type="application/json",
            headers={"Prefer": "wait=10"},
        )
        assert answer.status_code == 200, answer.content
        results = [row["result"]["targets"] for row in answer.json()["rows"]]
        return [[target["value"] for target in targets] for targets in results]

    def tensors(self, rows: Rows) -> Columns:
        """JSON, with a tensor for each input, in the shape [n, 1]."""
        inputs = []
        for one in self._metadata()["inputs"]:
            data = [row[one["name"]] for row in rows]
            inputs.append(one | {"shape": [len(rows), 1], "data": data})
        answer = self._post(f"/v2/models/{self.slug}/infer", {"inputs": inputs})
        return {one["name"]: one["data"] for one in answer.json()["outputs"]}

    def binary_tensors(self, rows: Rows) -> Columns:
        """Triton's client, which sends and wants binary tensors where nothing else is said."""
        inputs = [
            _binary(one["name"], one["datatype"], [row[one["name"]] for row in rows])
            for one in self._metadata()["inputs"]
        ]
        body, size = triton.InferenceServerClient.generate_request_body(inputs)
        answer = self.program.post(
            f"/v2/models/{self.slug}/infer",
            data=body,
            content_type="application/octet-stream",
            headers={"Inference-Header-Content-Length": str(size)},
        )
        assert answer.status_code == 200, answer.content
        parsed = triton.InferenceServerClient.parse_response_body(
            answer.content, header_length=int(answer["Inference-Header-Content-Length"])
        )
        names = [one["name"] for one in parsed.get_response()["outputs"]]
        return {name: _plain(parsed.as_numpy(name)) for name in names}

    def split(self, rows: Rows) -> Columns:
        content = {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}
        return self._invoked({"dataframe_split": content})

    def records(self, rows: Rows) -> Columns:
        return self._invoked({"dataframe_records": rows})

    def instances(self, rows: Rows) -> Columns:
        return self._invoked({"instances": [list(row.values()) for row in rows]})

    def inputs(self, rows: Rows) -> Columns:
        return self._invoked({"inputs": {name: [row[name] for row in rows] for name in rows[0]}})

    def csv(self, rows: Rows) -> list[Any]:
        """CSV has no place for what else is wanted: the predictions alone."""
        answer = self.program.post(
            f"/mlflow/{self.slug}/invocations",
            data=pd.DataFrame(rows, dtype=object).to_csv(index=False),
            content_type="text/csv",
        )
        assert answer.status_code == 200, answer.content
        found: list[Any] = answer.json()["predictions"]
        return found

    def _invoked(self, content: Mapping[str, Any]) -> Columns:
        body = {**content, "params": {"details": True}}
        found = self._post(f"/mlflow/{self.slug}/invocations", body).json()["predictions"]
        return {name: [row[name] for row in found] for name in found[0]}

    def _metadata(self) -> Any:
        return self.program.get(f"/v2/models/{self.slug}").json()

    def _post(self, path: str, body: Any) -> Any:
        answer = self.program.post(path, json.dumps(body), content_type="application/json")
        assert answer.status_code == 200, answer.content
        return answer

    def _columns(self, answers: Sequence[Outputs]) -> Columns:
        bare = [replace(one, seconds=0.0, notes=()) for one in answers]
        return {
            one.name: list(one.values) for one in columns_of(bare, list(self.version.targets.all()))
        }


def _binary(name: str, datatype: str, values: list[Any]) -> Any:
    """A missing number is NaN, and a missing text is empty: Triton's tensors have no other way."""
    kinds: dict[str, Any] = {"FP64": float, "INT64": int, "BOOL": bool, "BYTES": object}
    if None in values and datatype != "BYTES":
        datatype = "FP64"
        values = [np.nan if one is None else one for one in values]
    texts = ["" if one is None else one for one in values]
    array = np.array(texts if datatype == "BYTES" else values, dtype=kinds[datatype])
    tensor = triton.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array)
    return tensor


def _plain(array: Any) -> list[Any]:
    return [one.decode() if isinstance(one, bytes) else one for one in array.tolist()]


@pytest.fixture
def roads(alice: User, asked: tuple[ModelVersion, Rows]) -> Roads:
    return Roads(alice, asked[0])


def test_every_road_gives_the_same_answers(roads: Roads, asked: tuple[ModelVersion, Rows]) -> None:
    rows = asked[1]

    wanted = roads.form(rows)

    assert len(wanted) >= 1
    assert all(len(values) == ROWS for values in wanted.values())
    assert roads.batch(rows) == wanted
    assert roads.tensors(rows) == wanted
    assert roads.binary_tensors(rows) == wanted
    assert roads.split(rows) == wanted
    assert roads.records(rows) == wanted
    assert roads.instances(rows) == wanted
    assert roads.inputs(rows) == wanted
    predictions = [values for name, values in wanted.items() if name.startswith("prediction")]
    several = [list(row) for row in zip(*predictions, strict=True)]
    assert roads.api(rows) == several
    assert roads.csv(rows) == (predictions[0] if len(predictions) == 1 else several)


def test_one_row_is_an_ordinary_prediction_with_the_same_answer(
    roads: Roads, asked: tuple[ModelVersion, Rows]
) -> None:
    row = asked[1][:1]

    wanted = roads.form(row)

    for road in (roads.tensors, roads.binary_tensors, roads.records):
        assert road(row) == wanted
    assert {one.purpose for one in Execution.objects.all()} == {"prediction"}
