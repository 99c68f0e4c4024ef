"""Answers of an opened model: predictions, their certainty, their explanation and their trace."""
