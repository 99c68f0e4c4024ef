"""Commands for scripts: publish a model, predict, and what these commands share."""
