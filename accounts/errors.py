"""The rules about people."""

from config.errors import DomainError


class OwnRole(DomainError):
    def __init__(self) -> None:
        super().__init__("You cannot change your own role. Ask another superuser.")


class OwnAccount(DomainError):
    def __init__(self) -> None:
        super().__init__("You cannot disable or enable your own account. Ask another superuser.")


class LastSuperuser(DomainError):
    def __init__(self) -> None:
        super().__init__("This is the last active superuser. Make another person superuser first.")


class NotSuperuser(DomainError):
    def __init__(self) -> None:
        super().__init__("Only an active superuser can do this.")


class NotActive(DomainError):
    def __init__(self) -> None:
        super().__init__("This account is disabled or deleted. Enable it first.")


class AccountGone(DomainError):
    def __init__(self) -> None:
        super().__init__("This account was deleted, so there is nothing left to enable.")


class AddressTaken(DomainError):
    def __init__(self) -> None:
        super().__init__("This address is already in use. Nothing was changed.")
