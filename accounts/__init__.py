"""Accounts: people, their roles, and the record of their actions."""
