"""The forms with which admins bring a model to production."""
