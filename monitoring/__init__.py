"""Answers for admins: how much, how fast, how often it fails, and what they did about failures."""
