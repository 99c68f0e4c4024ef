"""The rules about people."""

from config.errors import DomainError


class OwnRole(DomainError):
    def __init__(self) -> None:
        super().__init__("Nobody changes their own role. Ask another superuser.")


class LastSuperuser(DomainError):
    def __init__(self) -> None:
        super().__init__("This is the last active superuser. Make another person superuser first.")
