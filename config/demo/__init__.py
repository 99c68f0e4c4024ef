"""The demo's three models: honest ones, trained on the spot in a process of their own."""
