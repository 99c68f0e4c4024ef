"""Comparison of two or three predictions: differences, chart, and downloads."""
