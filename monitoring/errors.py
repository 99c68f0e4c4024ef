"""The rules about failures and requests for help."""

from config.errors import DomainError


class NotInThisState(DomainError):
    message = "Somebody else has changed this in the meantime. Look at it again."


class NothingChosen(DomainError):
    message = "Tick at least one."


class WrongVersion(DomainError):
    message = "Choose a version of this model."


class Unreachable(DomainError):
    message = (
        "No message can be sent: the prediction or the account was deleted, or the person may not "
        "see the model any more."
    )


class NothingToAskAbout(DomainError):
    message = "Wait until the prediction is finished, then ask."
