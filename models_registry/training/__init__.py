"""The training configuration: what the person who trained a model knows and the file does not."""
