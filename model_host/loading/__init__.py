"""The reader of model files, which calls nothing that a file names."""
