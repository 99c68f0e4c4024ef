"""Measures time to result and throughput against the stock Prefect worker. See README.md."""
