"""What the provider says about a person who signs in."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.errors import AddressMissing, ProviderNotUnderstood
from accounts.managers import folded
from config.text.plain_text import unfit_in_name

LONGEST_SUBJECT = 191
"""Characters of a subject that allauth's table holds."""
LONGEST_ADDRESS = 254
LONGEST_NAME = 150
MOST_GROUPS = 1_000


@dataclass(frozen=True)
class Claims:
    """One person as the provider knows them. ``subject`` never changes and belongs to nobody else;
    ``groups`` is None where the provider does not say."""

    subject: str
    email: str
    is_verified: bool
    name: str
    groups: tuple[str, ...] | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Claims":
        groups = kept["groups"]
        return cls(**{**kept, "groups": None if groups is None else tuple(groups)})


def claims_in(said: Mapping[str, Any], *, groups_claim: str) -> Claims:
    """Read what the provider said. Raises AddressMissing, and ProviderNotUnderstood for what is no
    claim of its kind."""
    return Claims(
        subject=subject_in(said),
        email=_email(said.get("email")),
        is_verified=_is_true(said.get("email_verified")),
        name=_name(said.get("name")),
        groups=_groups(said.get(groups_claim)),
    )


def subject_in(said: Mapping[str, Any]) -> str:
    subject = said.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise ProviderNotUnderstood
    if unfit_in_name(subject):
        raise ProviderNotUnderstood
    return subject


def _email(said: object) -> str:
    if not isinstance(said, str):
        raise AddressMissing
    email = folded(said)
    try:
        validate_email(email)
    except ValidationError:
        raise AddressMissing from None
    if len(email) > LONGEST_ADDRESS:
        raise AddressMissing
    return email


def _is_true(said: object) -> bool:
    """Some providers write the word."""
    return said is True or said == "true"


def _name(said: object) -> str:
    """Return the name, or "" for one that does not fit on a line: people can change it."""
    return said[:LONGEST_NAME] if isinstance(said, str) and not unfit_in_name(said) else ""


def _groups(said: object) -> tuple[str, ...] | None:
    """Return the names of groups; those that no group here could have are left out."""
    if said is None:
        return None
    names = [said] if isinstance(said, str) else said
    if not isinstance(names, list) or len(names) > MOST_GROUPS:
        raise ProviderNotUnderstood
    if not all(isinstance(name, str) for name in names):
        raise ProviderNotUnderstood
    fit = (name.strip() for name in names if not unfit_in_name(name))
    return tuple(dict.fromkeys(name for name in fit if 0 < len(name) <= LONGEST_NAME))
