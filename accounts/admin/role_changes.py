"""Pages on which a superuser changes another person's account. Each states its effects in words
before anything happens."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from accounts import services
from accounts.models import User
from accounts.single_sign_on import services as single_sign_on


@dataclass(frozen=True)
class Act:
    """One action. ``run(user=, by=)`` performs it (``reason=`` too if one is required) and may
    return a link to hand over; ``is_possible`` says whether it is offered for a person."""

    name: str
    label: str
    done: str
    effects: Callable[[User], list[str]]
    run: Callable[..., User | str]
    is_possible: Callable[[User], bool]
    asks_reason: bool = False
    is_danger: bool = False


SIGNED_OUT = "They are signed out everywhere and told by mail; signing in again gives the new role."


def _reset_effects(user: User) -> list[str]:
    way = (
        f"A link to choose a new password goes to {user.email}. It works once, for an hour."
        if settings.MAIL_IS_DELIVERED
        else "No mail is delivered here: the next page shows a link to hand over. "
        "It works once, for an hour."
    )
    return [
        way,
        "They are signed out everywhere.",
        "The old password works until a new one is chosen. Nobody sees either.",
    ]


_ACTS = (
    Act(
        "make-admin",
        "Make admin",
        "is now an admin",
        lambda user: [
            "They upload, test and promote models, and see monitoring and failures.",
            "They do not see people, roles or the activity record.",
            SIGNED_OUT,
        ],
        services.grant_admin,
        lambda user: user.status == "active" and not user.is_staff and not user.is_service,
    ),
    Act(
        "make-user",
        "Make ordinary user",
        "is now an ordinary user",
        lambda user: [
            "They lose the admin: models, monitoring and failures.",
            "What they uploaded and promoted stays, under their name.",
            SIGNED_OUT,
        ],
        services.revoke_admin,
        lambda user: user.status == "active" and user.is_staff and not user.is_superuser,
        is_danger=True,
    ),
    Act(
        "make-superuser",
        "Make superuser",
        "is now a superuser",
        lambda user: [
            "They can do everything here: people, roles, trusted types, the activity record.",
            "They can take away your rights, as you can take away theirs.",
            SIGNED_OUT,
        ],
        services.grant_superuser,
        lambda user: user.status == "active" and not user.is_superuser and not user.is_service,
    ),
    Act(
        "end-superuser",
        "Remove superuser rights",
        "is an admin, no longer a superuser",
        lambda user: ["They remain an admin: models, monitoring, failures.", SIGNED_OUT],
        services.revoke_superuser,
        lambda user: user.status == "active" and user.is_superuser,
        is_danger=True,
    ),
    Act(
        "disable",
        "Disable account",
        "can no longer sign in",
        lambda user: [
            "They are signed out everywhere at once and cannot sign in.",
            "Running predictions finish. History, presets and role are kept.",
            "They are told by mail. You can enable the account again at any time.",
        ],
        services.deactivate,
        lambda user: user.is_active,
        asks_reason=True,
        is_danger=True,
    ),
    Act(
        "enable",
        "Enable account",
        "can sign in again",
        lambda user: [f"They can sign in again, as {user.role}, and are told by mail."],
        services.reactivate,
        lambda user: user.status == "disabled",
        asks_reason=True,
    ),
    Act(
        "reset-password",
        "Send password reset",
        "was sent a link to choose a new password",
        _reset_effects,
        services.send_password_reset,
        lambda user: user.is_active and not user.is_service,
    ),
    Act(
        "unlink",
        "Unlink the company account",
        "is no longer linked to a company account",
        lambda user: [
            f"The person who signs in with {settings.OIDC_NAME} does not reach this account then.",
            "They are signed out everywhere. Their role and groups stay as they are.",
            "It can be linked again, with its password, or to another company account.",
        ],
        single_sign_on.unlink,
        single_sign_on.is_linked,
        is_danger=True,
    ),
)
ACTS = {act.name: act for act in _ACTS}


def acts_for(user: User, *, by: User) -> list[Act]:
    """Return the actions that ``by`` can perform on the person; none on themselves."""
    if user.pk == by.pk:
        return []
    return [act for act in _ACTS if act.is_possible(user)]
