"""The limits of what one person may ask of the site in a time, and at a time."""
