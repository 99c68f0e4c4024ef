"""Tells a person something, on the page and by e-mail, if they want it."""
