"""Operations on a person's presets."""

from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now

from accounts.activity import record
from accounts.models import User
from model_host.protocol.inputs import Scalar
from models_registry.models import ModelVersion, RegisteredModel
from presets.errors import NameTaken, NothingToSave, TooManyPresets
from presets.models import DismissedSuggestion, Preset
from presets.suggestions import Suggestion

FORGET_AFTER = timedelta(hours=1)
"""The time within which a deleted preset can be restored; the page offers it for ten seconds."""


@transaction.atomic
def save_preset(
    *,
    version: ModelVersion,
    name: str,
    inputs: Mapping[str, Scalar],
    by: User,
    preset: Preset | None = None,
    is_replacing: bool = False,
) -> Preset:
    """Save values under a name, as a new preset or over ``preset``. Missing values are left out.

    Raises NothingToSave, TooManyPresets, and NameTaken unless the other one ``is_replacing``.
    """
    User.objects.select_for_update(no_key=True).get(pk=by.pk)  # one preset of a person at a time
    own = Preset.objects.kept().filter(user=by, model=version.model)
    values = {name: value for name, value in inputs.items() if value is not None}
    if not values:
        raise NothingToSave
    others = own.exclude(pk=preset.pk) if preset else own
    twin = others.filter(name__iexact=name).first()
    if twin is not None and not is_replacing:
        raise NameTaken(twin.name)
    if preset is None and twin is None and own.count() >= settings.MAX_PRESETS_PER_MODEL:
        raise TooManyPresets(settings.MAX_PRESETS_PER_MODEL)
    if twin is not None and preset is not None:
        twin.delete()  # the edited one takes its name
    target = preset or twin or Preset(user=by, model=version.model)
    target.name = name
    target.inputs = values
    target.saved_with = f"{version.short_name}, revision {version.revision}"
    target.save()
    record("preset saved", by=by, target=f"{version.model}: {name}")
    return target


@transaction.atomic
def delete_preset(*, preset: Preset, by: User) -> None:
    """Hide a preset; it can be restored for a while. Presets deleted long ago are removed now."""
    preset_rows = Preset.objects.filter(user=by)
    preset_rows.filter(deleted_at__lt=Now() - Value(FORGET_AFTER)).delete()
    if preset_rows.kept().filter(pk=preset.pk).update(deleted_at=Now()):
        record("preset deleted", by=by, target=f"{preset.model}: {preset.name}")


@transaction.atomic
def restore_preset(*, preset: Preset, by: User) -> None:
    """Restore a deleted preset. Raises NameTaken if another has its name by now."""
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    own = Preset.objects.filter(user=by, model=preset.model)
    if own.kept().filter(name__iexact=preset.name).exclude(pk=preset.pk).exists():
        raise NameTaken(preset.name)
    if own.filter(pk=preset.pk).exclude(deleted_at=None).update(deleted_at=None):
        record("preset restored", by=by, target=f"{preset.model}: {preset.name}")


def mark_used(*, preset: Preset) -> None:
    """Record that the values were loaded into the form."""
    Preset.objects.filter(pk=preset.pk).update(last_used_at=Now())


@transaction.atomic
def dismiss_suggestion(*, model: RegisteredModel, suggestion: Suggestion, by: User) -> None:
    """Dismiss a suggestion: these values are never suggested to this person again."""
    DismissedSuggestion.objects.get_or_create(user=by, model=model, digest=suggestion.digest)
    record("suggestion dismissed", by=by, target=model.name)
