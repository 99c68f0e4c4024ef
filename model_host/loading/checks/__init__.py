"""What a loaded object must be before anything of it is called."""
