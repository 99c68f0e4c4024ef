"""Model files in the S3-compatible store, and the check that each is still the uploaded one."""
