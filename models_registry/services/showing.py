"""Operations on who sees a model: the model's groups, and the people of a group."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.urls import reverse

from accounts.activity import record
from accounts.errors import NotSuperuser
from accounts.models import User
from models_registry.errors import BadGroupName, GroupExists
from models_registry.models import RegisteredModel
from models_registry.services.registering import unfit_name
from notifications.models import Context, Kind
from notifications.services import notify_admins

MAX_GROUP_NAME = 150


@transaction.atomic
def show_model(
    *, model: RegisteredModel, is_for_everybody: bool, groups: Collection[Group] = (), by: User
) -> RegisteredModel:
    """Set who sees a model: everybody, or the people of these groups; with neither, admins alone.
    Groups of a model for everybody are not kept, nor one that is deleted at the same moment."""
    chosen = Group.objects.filter(pk__in=[group.pk for group in groups]).order_by("pk")
    groups = list(chosen.select_for_update(no_key=True))
    model = RegisteredModel.objects.select_for_update().get(pk=model.pk)
    before = _as_recorded(model)
    model.is_for_everybody = is_for_everybody
    model.save(update_fields=["is_for_everybody"])
    model.groups.set([] if is_for_everybody else groups)
    after = _as_recorded(model)
    if before != after:
        record("model shown", by=by, target=model.name, before=before, after=after)
    return model


def _as_recorded(model: RegisteredModel) -> dict[str, Any]:
    """Who sees the model, as the activity record tells it."""
    names = list(model.groups.order_by("name").values_list("name", flat=True))
    return {"seen by": "everybody" if model.is_for_everybody else names or "admins alone"}


def check_group_name(name: str, group: Group | None = None) -> None:
    """Raise BadGroupName for a name that does not fit on one line, GroupExists for that of another
    group."""
    if not name.strip():
        raise BadGroupName("A group needs a name.")
    if problem := unfit_name(name, "the group", most=MAX_GROUP_NAME):
        raise BadGroupName(problem)
    others = Group.objects.filter(name__iexact=name)
    if (others.exclude(pk=group.pk) if group and group.pk else others).exists():
        raise GroupExists


@transaction.atomic
def save_group(
    *,
    group: Group | None = None,
    name: str,
    added: Collection[User] = (),
    removed: Collection[User] = (),
    by: User,
) -> Group:
    """Make a group, or rename it; put people into it and take people out. Others who change it at
    the same moment lose nothing. Raises NotSuperuser, BadGroupName, GroupExists."""
    _check_superuser(by)
    check_group_name(name, group)
    if group is None:
        group = Group.objects.create(name=name)
        record("group made", by=by, target=name)
    else:
        group = Group.objects.select_for_update(no_key=True).get(pk=group.pk)
        if group.name != name:
            record("group renamed", by=by, target=name, before={"name": group.name})
            group.name = name
            group.save(update_fields=["name"])
    members = set(group.user_set.filter(pk__in=[one.pk for one in (*added, *removed)]))
    for person in (one for one in added if one not in members):
        group.user_set.add(person)
        record("group joined", by=by, target=person.email, after={"group": name})
    for person in (one for one in removed if one in members):
        group.user_set.remove(person)
        record("group left", by=by, target=person.email, before={"group": name})
    return group


@transaction.atomic
def delete_group(*, group: Group, by: User) -> None:
    """Delete a group. Its people see its models no more, unless another group of theirs does. A
    model that it was the last group of is seen by admins alone, who are told. Raises
    NotSuperuser."""
    _check_superuser(by)
    group = Group.objects.select_for_update().get(pk=group.pk)
    models = list(group.models.select_for_update().order_by("pk"))
    group.models.clear()
    record(
        "group deleted",
        by=by,
        target=group.name,
        before={"people": group.user_set.count(), "models": [model.name for model in models]},
    )
    for model in models:
        if model.is_for_everybody or model.groups.exists():
            continue
        notify_admins(
            kind=Kind.MODEL_HIDDEN,
            cause=f"model {model.pk} without group {group.pk}",
            title=f"Nobody but admins sees {model}"[:200],
            text=f"Its last group, {group.name}, was deleted. Choose on the model's page who sees "
            "it.",
            url=reverse("admin:models_registry_registeredmodel_change", args=[model.pk]),
            context=Context(model_id=model.pk),
        )
    group.delete()


def _check_superuser(by: User) -> None:
    if not User.objects.superusers().filter(pk=by.pk).exists():
        raise NotSuperuser
