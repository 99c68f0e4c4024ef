"""Predictions of many rows, each equal to the prediction of the row alone."""
