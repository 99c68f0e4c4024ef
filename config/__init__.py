"""Puts the house together: settings, URLs, the Celery app, the embedded stack."""
