"""How times are written wherever Django writes them: day first, 24 hours, and always the zone."""
