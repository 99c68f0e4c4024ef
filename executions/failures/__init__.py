"""What failed, under which cause, and how it is run again with debugging."""
