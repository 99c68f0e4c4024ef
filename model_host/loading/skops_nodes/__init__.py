"""The loaders of a ``.skops`` file's nodes: one function of ours for each kind of node."""
