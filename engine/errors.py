"""Errors of Prefect's API: unavailable for now, or refused for good."""

from config.errors import InfrastructureError


class PrefectUnavailable(InfrastructureError):
    """Prefect's API did not answer, or refused temporarily; the call may be retried."""


class PrefectRefused(InfrastructureError):
    """Prefect's API refused for good (a 4xx other than 408 and 429)."""
