"""The machinery of the resident worker: slots, log lines and housekeeping."""
