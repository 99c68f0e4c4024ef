"""Checks of a loaded object before any of its methods is called."""
