"""Reads a model file without calling anything that it names."""
