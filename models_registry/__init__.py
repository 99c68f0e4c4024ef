"""Registered models and their versions: files, inputs, and which version is live."""
