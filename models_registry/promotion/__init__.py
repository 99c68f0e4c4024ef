"""What is looked at and said when another version goes live."""
