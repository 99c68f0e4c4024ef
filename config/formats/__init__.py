"""Django's date and time formats: day first, 24 hours, always with the zone."""
