"""A person's own predictions: looking back, searching, taking away, deleting, trying again."""
