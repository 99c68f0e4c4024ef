"""Saved test cases: the table that imports them, and the check of an answer."""
