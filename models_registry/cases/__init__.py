"""Saved test cases: the table they are imported from, and whether an answer is the expected one."""
