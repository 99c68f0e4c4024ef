"""Reference data: its profile, and what it adds to a version's inputs and intervals."""
