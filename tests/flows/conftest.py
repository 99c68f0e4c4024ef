"""A real Prefect server, and a real model in the real store."""

import io
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import joblib
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from pytest_django import Settings
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from flows import batch, inspection, predict, rehearsal
from flows.lease import Leases
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.models import ModelVersion
from models_registry.store.storage import artifact_key, store_artifact
from models_registry.tasks import sync_prefect_deployment
from tests.factories import make_version
from tests.flows.resident import IRIS, serve_iris
from tests.model_host import by_version
from tests.model_host.runtime import BESIDE, FOLDER, python_of
from tests.servers import prefect_server


@pytest.fixture(scope="package")
def prefect_url() -> Iterator[str]:
    """Yield a real Prefect server, started once for the tests of this folder and only if one of
    them asks."""
    with prefect_server() as url:
        yield url


@pytest.fixture
def pool() -> str:
    """Return a work pool of this test's own."""
    return f"pool-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def real_prefect(prefect_url: str, pool: str, settings: Settings) -> str:
    """Let the gateway speak to the real server, in this test's pool."""
    settings.PREFECT_API_URL = prefect_url
    settings.PREFECT_WORK_POOL = pool
    return prefect_url


@pytest.fixture
def no_renewal(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lease is renewed meanwhile: the thread that does it has a connection of its own, which
    sees nothing of a test's transaction and would take the row for lost."""
    settings.LEASE_RENEWAL = timedelta(days=1)
    leases = Leases()
    for flow in (batch, inspection, predict, rehearsal):
        monkeypatch.setattr(flow, "leases", leases)


@pytest.fixture
def saved_by_1_5(db: None, settings: Settings) -> Callable[[str], ModelVersion]:
    """Return a maker of live versions: a kind of model that scikit-learn 1.5 saved, which serves
    it."""
    python_of(BESIDE)
    settings.RUNTIMES_DIR = FOLDER
    (corpus,) = by_version.VERSIONS.glob(f"scikit-learn-{BESIDE}.*.tar.xz")

    def make(kind: str) -> ModelVersion:
        (saved,) = (
            one for one in by_version.read(corpus) if (one.kind, one.format) == (kind, "joblib")
        )
        sha256 = store_artifact([saved.content]).sha256
        return make_version(
            features=tuple(FeatureSpec(name, name, Kind.FLOAT) for name in saved.columns),
            targets=(TargetSpec("", "Level"),),
            container=saved.container,
            is_active=True,
            sha256=sha256,
            tested_sha256=sha256,
            runtime=BESIDE,
        )

    return make


@pytest.fixture(scope="session")
def iris_model() -> bytes:
    """Return a small fitted classifier, as a joblib file."""
    file = io.BytesIO()
    joblib.dump(LogisticRegression(max_iter=500).fit(IRIS.data, IRIS.target), file)
    return file.getvalue()


@pytest.fixture
def iris_of_1_7(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return one that scikit-learn 1.7 saved, whose imputer lacks an attribute of today's."""
    model = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=500))
    del model.fit(IRIS.data, IRIS.target)[0]._fill_dtype
    monkeypatch.setattr("sklearn.base.__version__", "1.7.2")
    file = io.BytesIO()
    joblib.dump(model, file)
    return file.getvalue()


@pytest.fixture
def iris(db: None, iris_model: bytes) -> ModelVersion:
    """Return a live version of it."""
    return serve_iris(iris_model)


@pytest.fixture
def another_file(iris: ModelVersion, iris_model: bytes) -> Iterator[Callable[[], None]]:
    """The store holds another file for iris, until it is put right by calling this, or at the
    end: other tests upload the same one."""

    def put(content: bytes) -> None:
        storages["artifacts"].delete(artifact_key(iris.sha256))
        storages["artifacts"].save(artifact_key(iris.sha256), ContentFile(content))

    put(b"another file")
    yield partial(put, iris_model)
    put(iris_model)


@pytest.fixture
def served_iris(transactional_db: None, real_prefect: str, iris_model: bytes) -> ModelVersion:
    """Return a live version of it with its deployment in the real Prefect, for workers to see."""
    version = serve_iris(iris_model)
    sync_prefect_deployment(version.model_id)
    return version
