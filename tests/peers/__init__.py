"""Other people's clients against a running product, each in its own environment: `make peers`."""
