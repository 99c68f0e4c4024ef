"""Named sets of inputs a person wants to use again."""
