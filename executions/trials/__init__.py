"""Trials of a version before it is live: tests, saved cases, preview and impact."""
