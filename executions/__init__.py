"""Executions: one run of one model version on one set of inputs, from request to result."""
