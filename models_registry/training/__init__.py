"""The training configuration: facts that the person who trained a model adds to its file."""
