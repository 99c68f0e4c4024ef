"""Two or three predictions side by side: what differs, its picture, and both on paper."""
