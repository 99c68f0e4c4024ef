"""What admins find out about a version before anybody depends on it."""
