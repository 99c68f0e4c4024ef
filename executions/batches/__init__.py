"""Many rows as one execution: their check, their chunks, and their results."""
