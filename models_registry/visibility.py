"""Who sees a model, in numbers and in words."""

from typing import Any

from django.db.models import Q, QuerySet

from accounts.managers import UserQuerySet
from accounts.models import User
from config.text.numbers import count_text
from config.text.plain_text import listed
from models_registry.models import RegisteredModel
from notifications import hidden_models

UNSEEN = "a model that you do not see any more"
"""What a person's own data call a model that is hidden from them now."""


def hidden_ids(person: User) -> set[int]:
    return set(RegisteredModel.objects.hidden_from(person).values_list("pk", flat=True))


def people_who_see(model: RegisteredModel) -> UserQuerySet:
    """Return the active people and admins for whom the model exists."""
    people: UserQuerySet = User.objects.people()
    if model.is_for_everybody:
        return people
    return people.filter(Q(is_staff=True) | Q(pk__in=_members(model)))


def who_sees(model: RegisteredModel) -> str:
    """Return who sees the model, for admins: "Visible to Credit team · 14 people"."""
    if model.is_for_everybody:
        return "Visible to everybody"
    groups = [group.name for group in model.groups.order_by("name")]
    if not groups:
        return "Visible to admins alone"
    count = User.objects.people().filter(pk__in=_members(model)).count()
    people = f"{count_text(count)} {'person' if count == 1 else 'people'}"
    return f"Visible to {listed(groups, 'groups')} · {people}"


def why_seen(model: RegisteredModel, person: User) -> str:
    """Return why the model exists for a person who sees it. Names only groups of theirs, but to
    admins."""
    if model.is_for_everybody:
        return "Everybody who has an account here sees this model."
    if person.is_staff:
        return f"{who_sees(model)}. You see it because admins see every model."
    own = [group.name for group in model.groups.filter(user=person).order_by("name")]
    return (
        f"You see this model because you are in {listed(own, 'groups')}. It is not for everybody."
    )


def _members(model: RegisteredModel) -> QuerySet[Any, Any]:
    """The ids of the accounts in the model's groups."""
    memberships = User.groups.through.objects.filter(group__in=model.groups.all())
    return memberships.values("user")


hidden_models.register(RegisteredModel.objects.hidden_from)
