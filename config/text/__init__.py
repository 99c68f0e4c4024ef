"""Text, numbers and data formats that people read or supply. Pure but for the CSV response."""
