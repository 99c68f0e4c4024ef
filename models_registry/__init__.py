"""Which models and versions exist, what inputs each takes, and which one is live."""
