"""What this app shows in Django admin."""

from monitoring.failures.admin import FailureGroupAdmin
from monitoring.log.admin import ExecutionAdmin
from monitoring.support.admin import SupportRequestAdmin

__all__ = ["ExecutionAdmin", "FailureGroupAdmin", "SupportRequestAdmin"]
