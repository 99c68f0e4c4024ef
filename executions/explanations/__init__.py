"""Explanations of predictions, and curves of the answer over one input."""
