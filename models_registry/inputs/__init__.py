"""The inputs of a version: each one, the rules between them, and the check of values."""
