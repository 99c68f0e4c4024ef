"""Predictions in the words of other servers: the Open Inference Protocol and MLflow's scorer. They
share tokens, limits and services with the API."""
