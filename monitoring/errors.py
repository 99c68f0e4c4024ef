"""The rules about failures and requests for help."""

from config.errors import DomainError


class NotInThisState(DomainError):
    def __init__(self) -> None:
        super().__init__("Somebody else changed this meanwhile. Look at it as it is now.")


class NothingChosen(DomainError):
    def __init__(self) -> None:
        super().__init__("Tick at least one.")


class WrongVersion(DomainError):
    def __init__(self) -> None:
        super().__init__("Choose a version of this model.")


class Unreachable(DomainError):
    def __init__(self) -> None:
        super().__init__("Nobody can be written to: the person deleted this prediction or is gone.")


class NothingToAskAbout(DomainError):
    def __init__(self) -> None:
        super().__init__("Wait until the prediction is finished, then ask.")
