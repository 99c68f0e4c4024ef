"""What moved an answer, and how it would change with one input."""
