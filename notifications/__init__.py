"""Notifications of people, on pages and by e-mail, as each prefers."""
