"""Monitoring for admins: usage, response times, failures, health, and requests for help."""
