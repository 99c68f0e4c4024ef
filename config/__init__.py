"""The project: settings, URLs, the Celery app, and the modules that every app may use."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
