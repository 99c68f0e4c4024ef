"""Model files in the S3-compatible store, and whether each is still the one that was uploaded."""
