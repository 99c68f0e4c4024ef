"""Operations on executions that people ask for; one module per noun. The package itself exports
those of `requesting`, which the others call too."""

from executions.services.requesting import cancel_execution, inputs_sha256, request_execution

__all__ = ["cancel_execution", "inputs_sha256", "request_execution"]
