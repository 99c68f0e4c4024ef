"""The dashboard: how much, how fast and how often it fails, counted and drawn."""
