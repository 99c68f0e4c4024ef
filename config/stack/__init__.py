"""The embedded stack: real servers out of wheels, under one supervisor (`manage.py up`).

Nothing here needs Django to be configured: `up`, `down` and `status` run before any settings
exist, and write the environment that the settings read.
"""
