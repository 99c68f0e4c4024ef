"""Requests for help about a prediction, and their answers."""
