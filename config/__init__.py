"""The project: settings, URLs, the Celery app, and the modules that every app may use."""

import gc

# Python looks for garbage after every 700 new objects. Importing the product makes hundreds of
# thousands and no garbage: a quarter of each process's start went into looking.
gc.set_threshold(50_000, 20, 20)

from config.celery import app as celery_app  # noqa: E402 - imported only then

__all__ = ["celery_app"]
