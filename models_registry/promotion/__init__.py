"""Promotion of a version: the checklist, the comparison with the active version, the
announcement."""
