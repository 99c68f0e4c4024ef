"""Health: what the product stands on, asked now, watched and told."""
