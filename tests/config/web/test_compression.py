"""Compression of responses: which are compressed, and which are not."""

import gzip

from django.test import Client

from models_registry.models import ModelVersion
from tests.factories import LOAN_OUTPUTS, make_execution

GZIP = {"HTTP_ACCEPT_ENCODING": "gzip, br"}


def test_a_page_is_compressed_for_who_takes_it(
    as_alice: Client, active_version: ModelVersion
) -> None:
    address = f"/models/{active_version.model.slug}/"
    page = as_alice.get(address, **GZIP)  # type: ignore[arg-type]
    assert page.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in page.headers["Vary"]
    assert active_version.model.name in gzip.decompress(page.content).decode()
    assert "Content-Encoding" not in as_alice.get(address).headers


def test_the_same_page_has_another_length_each_time(
    as_alice: Client, active_version: ModelVersion
) -> None:
    address = f"/models/{active_version.model.slug}/about/"
    lengths = {len(as_alice.get(address, **GZIP).content) for _ in range(10)}  # type: ignore[arg-type]
    assert len(lengths) > 1


def test_exports_stream_as_they_are(as_alice: Client, active_version: ModelVersion) -> None:
    make_execution(version=active_version, outputs=LOAN_OUTPUTS)
    answer = as_alice.post("/history/export/", **GZIP)  # type: ignore[arg-type]
    assert "Content-Encoding" not in answer.headers
