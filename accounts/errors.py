"""The rules about people."""

from config.errors import DomainError


class OwnRole(DomainError):
    message = "You cannot change your own role. Ask another superuser."


class OwnAccount(DomainError):
    message = "You cannot disable or enable your own account. Ask another superuser."


class LastSuperuser(DomainError):
    message = "This is the last active superuser. Make another person superuser first."


class NotSuperuser(DomainError):
    message = "Only an active superuser can do this."


class NotActive(DomainError):
    message = "This account is disabled or deleted. Enable it first."


class AccountGone(DomainError):
    message = "This account was deleted, so there is nothing left to enable."


class ServiceAccount(DomainError):
    message = "This is a service account: it never signs in, and has no role but its tokens."


class NotAService(DomainError):
    message = "You can make a token for yourself or for a service account."


class NotAPublisher(DomainError):
    message = "Only a token of an admin or of a service account may publish models."


class TooManyTokens(DomainError):
    message = "There are too many active tokens. Revoke one that is not used any more."


class NameTaken(DomainError):
    message = "A service account of this name exists. Choose another name."


class AddressTaken(DomainError):
    message = "This address is already in use. Nothing was changed."


class NotInvitable(DomainError):
    message = "Another superuser invited one of these addresses just now. Look at the invitations."


class InvitationEnded(DomainError):
    message = "This invitation was used or revoked. Invite the person again, if they need one."


class InvitationUnknown(DomainError):
    message = (
        "This link leads to no invitation. A part of it may be missing, "
        "or a newer mail has a newer link."
    )


class InvitationUsed(DomainError):
    message = "This invitation was used already."


class InvitationRevoked(DomainError):
    message = "This invitation was withdrawn."


class InvitationExpired(DomainError):
    message = "This invitation has expired."


class InvitationOnHold(DomainError):
    message = "The person who sent this invitation can no longer invite anybody."


class HasAccount(DomainError):
    message = "There is an account with this address already."
