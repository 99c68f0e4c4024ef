"""Errors of a backup or a restore, in words for the operator."""


class BackupError(Exception):
    pass
