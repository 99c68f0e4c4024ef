"""Invitations: how people come in by a superuser's link, whatever sign-up allows."""
