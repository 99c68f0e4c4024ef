"""Why a backup or a restore cannot go on, in words for whoever runs it."""


class BackupError(Exception):
    pass
