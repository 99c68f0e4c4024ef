"""The log: every execution, as admins list, filter, read and take it away."""
