"""Forms of the admin's pages for models and versions."""
