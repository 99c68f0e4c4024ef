"""What people ask for about executions; one module a noun. Requests, which the others make too, are
to be had from the package itself."""

from executions.services.requesting import cancel_execution, inputs_sha256, request_execution

__all__ = ["cancel_execution", "inputs_sha256", "request_execution"]
