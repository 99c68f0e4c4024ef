"""Presets: named sets of inputs that a person wants to use again."""
