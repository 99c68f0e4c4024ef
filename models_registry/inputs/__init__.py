"""What inputs a version takes: each one, the rules between them, and the one check of values."""
