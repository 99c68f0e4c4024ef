"""The resident worker's machinery: its slots, its log lines, what it does beside flow runs."""
