"""Tokens: how programs act for a person or for a service account."""
