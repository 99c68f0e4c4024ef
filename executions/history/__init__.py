"""A person's own predictions: list, search, export, deletion and retry."""
