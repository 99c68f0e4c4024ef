"""Mails in these tests pass through a real SMTP server."""

from tests.post_office import post_office

__all__ = ["post_office"]
