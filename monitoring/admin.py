"""What this app shows in Django admin."""

from monitoring.failures.admin import FailureGroupAdmin
from monitoring.support.admin import SupportRequestAdmin

__all__ = ["FailureGroupAdmin", "SupportRequestAdmin"]
