"""Health of the servers and processes that the product depends on: probes, watch and pages."""
