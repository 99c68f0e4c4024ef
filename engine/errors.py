"""What Prefect's API answered instead of what was asked for."""

from config.errors import InfrastructureError


class PrefectUnavailable(InfrastructureError):
    """Prefect's API did not answer, or refused for now; worth another try."""


class PrefectRefused(InfrastructureError):
    """Prefect's API refused for good (a 4xx other than 408 and 429)."""
