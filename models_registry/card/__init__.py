"""What is known about a version, for people who read it and for safe keeping."""
