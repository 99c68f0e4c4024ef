"""The worker's side: starts and ends the zygote and its children, and lends each to one thread at a
time."""
