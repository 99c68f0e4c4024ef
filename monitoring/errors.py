"""The rules about failures and requests for help."""

from config.errors import DomainError


class NotInThisState(DomainError):
    def __init__(self) -> None:
        super().__init__("Somebody else has changed this in the meantime. Look at it again.")


class NothingChosen(DomainError):
    def __init__(self) -> None:
        super().__init__("Tick at least one.")


class WrongVersion(DomainError):
    def __init__(self) -> None:
        super().__init__("Choose a version of this model.")


class Unreachable(DomainError):
    def __init__(self) -> None:
        super().__init__("No message can be sent: the prediction or the account was deleted.")


class NothingToAskAbout(DomainError):
    def __init__(self) -> None:
        super().__init__("Wait until the prediction is finished, then ask.")
