"""Executions in Django admin; one module a page."""

from executions.admin.execution import ExecutionAdmin

__all__ = ["ExecutionAdmin"]
