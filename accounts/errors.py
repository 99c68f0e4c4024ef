"""The rules about people."""

from config.errors import DomainError


class OwnRole(DomainError):
    def __init__(self) -> None:
        super().__init__("Nobody changes their own role. Ask another superuser.")


class OwnAccount(DomainError):
    def __init__(self) -> None:
        super().__init__("Nobody disables or enables their own account. Ask another superuser.")


class LastSuperuser(DomainError):
    def __init__(self) -> None:
        super().__init__("This is the last active superuser. Make another person superuser first.")


class NotSuperuser(DomainError):
    def __init__(self) -> None:
        super().__init__("Only an active superuser does this.")


class NotActive(DomainError):
    def __init__(self) -> None:
        super().__init__("This account is disabled or deleted. Enable it first.")


class AccountGone(DomainError):
    def __init__(self) -> None:
        super().__init__("This account was deleted and keeps nothing that could be opened again.")


class AddressTaken(DomainError):
    def __init__(self) -> None:
        super().__init__("This address is already in use. Nothing was changed.")
