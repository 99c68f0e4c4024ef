"""Signing of requests to the store by the store's own time, for machines with a wrong clock.

A store refuses a signature that is a quarter of an hour off, and the AWS SDK for Python signs with
the local clock alone. Here the refusal's own Date header tells how far off that is, the request is
repeated at once, and all later ones are signed right.
"""

import logging
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore import auth

logger = logging.getLogger(__name__)

SIGNATURE = "s3v4-store-time"
MAY_DIFFER = timedelta(minutes=5)

_ahead = timedelta(0)
"""The seconds by which the store's clock is ahead of this machine's."""


class StoreTimeAuth(auth.S3SigV4Auth):
    """Signature version 4, at the store's time."""

    def canonical_request(self, request: Any) -> str:
        """Replace the local timestamp of the request, from which the whole signature is made."""
        if _ahead:
            del request.headers["X-Amz-Date"]
            request.context["timestamp"] = _stamp(_now() + _ahead)
            request.headers["X-Amz-Date"] = request.context["timestamp"]
        return str(super().canonical_request(request))


auth.AUTH_TYPE_MAPS[SIGNATURE] = StoreTimeAuth


def retry_at_store_time(response: tuple[Any, dict[str, Any]] | None, **_: object) -> float | None:
    """Handle ``needs-retry.s3``: return 0 seconds until the next try where a request was refused
    and the clock is to blame; else None, and the SDK's own rules decide."""
    global _ahead
    if response is None or response[0].status_code != 403 or "Date" not in response[0].headers:
        return None
    theirs = parsedate_to_datetime(response[0].headers["Date"]).replace(tzinfo=None)
    ahead = theirs - _now()
    if abs(ahead - _ahead) < MAY_DIFFER:
        return None
    logger.error("clock_is_off seconds=%.0f", -ahead.total_seconds())
    _ahead = ahead
    return 0.0


def _now() -> datetime:
    """The time that the SDK would sign with: UTC, as a naive datetime."""
    return datetime.now(UTC).replace(tzinfo=None)


def _stamp(at: datetime) -> str:
    return at.strftime(auth.SIGV4_TIMESTAMP)
