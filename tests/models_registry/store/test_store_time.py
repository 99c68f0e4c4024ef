"""Requests to a real store from a machine whose clock is wrong."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from botocore import auth
from botocore.exceptions import ClientError
from django.core.files.storage import storages

from models_registry.store import store_time
from models_registry.store.storage import artifact_chunks, store_artifact


@pytest.fixture(params=[-1, 1], ids=["behind", "ahead"])
def an_hour_off(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> datetime:
        return datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=request.param)

    monkeypatch.setattr(auth, "get_current_datetime", wrong)
    monkeypatch.setattr(store_time, "_now", wrong)
    monkeypatch.setattr(store_time, "_ahead", timedelta(0))


@pytest.mark.usefixtures("an_hour_off")
def test_a_file_is_stored_and_read_although_the_clock_is_an_hour_off() -> None:
    content = uuid.uuid4().bytes
    stored = store_artifact([content])
    assert b"".join(artifact_chunks(stored.sha256)) == content


@pytest.mark.usefixtures("an_hour_off")
def test_only_the_first_request_is_repeated() -> None:
    stored = store_artifact([uuid.uuid4().bytes])
    store = storages["artifacts"]
    retries = [
        store.bucket.Object(f"models/{stored.sha256}").get()["ResponseMetadata"]["RetryAttempts"]  # type: ignore[attr-defined]
        for _ in range(2)
    ]
    assert retries == [0, 0]


def test_a_refusal_for_another_reason_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    store = storages.create_storage(
        {
            "BACKEND": "models_registry.store.storage.ArtifactStorage",
            "OPTIONS": {"secret_key": "wrong"},
        }
    )
    with pytest.raises(ClientError) as caught:
        store.bucket.Object("models/none").get()  # type: ignore[attr-defined]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0
