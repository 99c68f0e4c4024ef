"""Model files in the S3-compatible store: `models/<sha256>`, written once, never overwritten."""

from typing import Any

from botocore.config import Config
from django.conf import settings
from storages.backends.s3 import S3Storage


class ArtifactStorage(S3Storage):  # type: ignore[misc]
    """The private bucket of artifacts, with the product's timeouts."""

    def get_default_settings(self) -> dict[str, Any]:
        defaults: dict[str, Any] = super().get_default_settings()
        return defaults | {
            "client_config": Config(
                connect_timeout=settings.S3_CONNECT_TIMEOUT_SECONDS,
                read_timeout=settings.S3_READ_TIMEOUT_SECONDS,
                retries={"total_max_attempts": settings.S3_TRIES, "mode": "standard"},
                s3={"addressing_style": "path"},
                signature_version="s3v4",
            ),
        }
