"""Puts the house together: settings, URLs, the Celery app, the embedded stack."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
