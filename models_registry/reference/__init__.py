"""Reference data: what rows like those of the training say of a version's inputs and intervals."""
