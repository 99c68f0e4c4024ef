"""The cache of model files: fetched once, checked, evicted, and never an obstacle."""

import errno
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from pytest_django import Settings
from sklearn.dummy import DummyRegressor

from flows import artifacts
from flows.artifacts import artifact
from flows.errors import ArtifactTampered, NotAModel
from models_registry.errors import ArtifactMissing
from models_registry.store.storage import artifact_key, store_artifact


@pytest.fixture(autouse=True)
def cache(settings: Settings, tmp_path: Path) -> Path:
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"
    return tmp_path / "artifacts"


def stored(constant: float) -> str:
    """Return the digest of a small model in the store."""
    file = io.BytesIO()
    joblib.dump(DummyRegressor(strategy="constant", constant=constant).fit([[0]], [0]), file)
    return store_artifact([file.getvalue()]).sha256


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the digests that were fetched from the store."""
    fetched: list[str] = []
    fetch = artifacts._fetch

    def counted(sha256: str, into: Any) -> None:
        fetched.append(sha256)
        fetch(sha256, into)

    monkeypatch.setattr(artifacts, "_fetch", counted)
    return fetched


def test_a_file_is_fetched_once_and_then_served_from_disk(fetches: list[str]) -> None:
    sha256 = stored(1.0)

    for _ in range(2):
        with artifact(sha256) as file:
            assert (file.sha256, file.format) == (sha256, "joblib")
            assert file.path.is_file()

    assert fetches == [sha256]


def test_eight_threads_that_want_one_file_fetch_it_once(fetches: list[str]) -> None:
    sha256 = stored(2.0)
    together = threading.Barrier(8)

    def use(_: int) -> bool:
        together.wait()
        with artifact(sha256) as file:
            return file.path.is_file()

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(use, range(8)))

    assert fetches == [sha256]


def test_a_file_that_the_store_does_not_have_is_missing() -> None:
    with pytest.raises(ArtifactMissing), artifact("0" * 64):
        pass


def test_a_store_that_is_away_leaves_what_is_cached_working(settings: Settings) -> None:
    sha256 = stored(3.0)
    with artifact(sha256):
        pass
    settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:9"

    with artifact(sha256) as file:
        assert file.path.is_file()


def test_another_file_under_the_digest_is_not_served_and_not_kept(cache: Path) -> None:
    sha256 = stored(4.0)
    key = artifact_key(sha256)
    storages["artifacts"].delete(key)
    storages["artifacts"].save(key, ContentFile(b"\x80\x04N."))

    with pytest.raises(ArtifactTampered), artifact(sha256):
        pass

    assert list(cache.iterdir()) == []


def test_a_file_that_is_no_model_says_what_it_seems_to_be() -> None:
    sha256 = store_artifact([b"\x89PNG and so on"]).sha256

    with pytest.raises(NotAModel, match="PNG"), artifact(sha256):
        pass


def test_the_file_used_longest_ago_leaves_first(settings: Settings, cache: Path) -> None:
    oldest, older, newest = stored(5.0), stored(6.0), stored(7.0)
    for age, sha256 in ((30, oldest), (20, older)):
        with artifact(sha256) as file:
            size = file.path.stat().st_size
            moment = file.path.stat().st_mtime - age
        os.utime(file.path, (moment, moment))
    settings.ARTIFACT_CACHE_BYTES = 2 * size

    with artifact(newest):
        pass

    assert {path.name for path in cache.iterdir()} == {older, newest}


def test_a_file_in_use_stays(settings: Settings, cache: Path) -> None:
    settings.ARTIFACT_CACHE_BYTES = 0
    used, other = stored(8.0), stored(9.0)

    with artifact(used), artifact(other):
        assert {path.name for path in cache.iterdir()} == {used, other}


class FullDisk:
    """A disk with room for nothing, or only once something was evicted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: Path, *, files: int) -> None:
        self.replace = os.replace
        self.cache = cache
        self.files = files
        monkeypatch.setattr("flows.artifacts.os.replace", self)

    def __call__(self, source: str, target: Path) -> None:
        kept = [path for path in self.cache.iterdir() if not path.name.startswith(".")]
        if len(kept) >= self.files:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.replace(source, target)


def test_a_full_disk_makes_room_by_evicting(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    FullDisk(monkeypatch, cache, files=1)
    first, second = stored(10.0), stored(11.0)

    for sha256 in (first, second):
        with artifact(sha256) as file:
            assert file.path.is_file()

    assert [path.name for path in cache.iterdir()] == [second]


def test_a_disk_without_any_room_serves_from_memory(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    FullDisk(monkeypatch, cache, files=0)
    sha256 = stored(12.0)

    with artifact(sha256) as file:
        assert file.format == "joblib"
        with file.path.open("rb") as content:
            assert joblib.load(content).constant == 12.0

    assert list(cache.iterdir()) == []
