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


class SecondFactorNeeded(DomainError):
    message = (
        "This site asks admins for a second factor. Set it up first, then make a token that may "
        "publish models."
    )


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


class GroupGone(DomainError):
    message = "One of these groups was deleted just now. Nobody was invited: look at the choice."


class PasswordNotTaken(DomainError):
    message = "Passwords do not open accounts here. Sign in with your company account."


class HasAccount(DomainError):
    message = "There is an account with this address already."


class SignOnRefused(DomainError):
    """The single sign-on does not let somebody in; ``status`` is that of the page which says so."""

    status = 403


class ProviderFailed(SignOnRefused):
    """The provider is at fault, or how it was set up: whoever runs the site must look."""

    status = 502


class ProviderAway(ProviderFailed):
    status = 503
    message = "The sign-in service of your company does not answer. Try again in a few minutes."


class ProviderNotUnderstood(ProviderFailed):
    message = "The sign-in service of your company gave an answer that this site cannot use."


class OtherIssuer(ProviderFailed):
    message = "The sign-in service answered in the name of another one, so it is not trusted."


class ProviderDeclined(ProviderFailed):
    message = "The sign-in service of your company ended the sign-in with an error."


class AddressMissing(ProviderFailed):
    message = "The sign-in service did not say your e-mail address, which this site needs."


class SignOnStale(SignOnRefused):
    status = 400
    message = (
        "This sign-in was begun in another browser, was used already, or is too old. Begin again."
    )


class SignOnCancelled(SignOnRefused):
    message = "The sign-in was cancelled. Nothing was changed."


class ClaimMissing(SignOnRefused):
    status = 502
    message = (
        "The sign-in service did not say which groups you belong to, "
        "so this site cannot tell whether you may come in."
    )


class NotInGroup(SignOnRefused):
    message = "Your company account works, but it does not belong to the group that may come in."


class AddressUnverified(SignOnRefused):
    message = (
        "The sign-in service does not confirm that your e-mail address is yours. "
        "Confirm it there, then sign in again."
    )


class AddressOfAnother(SignOnRefused):
    message = "An account here has your e-mail address and belongs to another company account."


class InvitedAsSuperuser(SignOnRefused):
    message = (
        "You are invited as a superuser, and the sign-in service does not confirm that your e-mail "
        "address is yours. Open the link of the invitation and choose a password there."
    )


class ProofNeeded(DomainError):
    message = "Prove with its password that the account with this address is yours."
