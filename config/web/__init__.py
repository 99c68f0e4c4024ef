"""The web process: its front, the limits and compression of messages, and what every template
has."""
