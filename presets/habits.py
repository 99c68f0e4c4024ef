"""The habits in a person's own predictions, read for suggestions, and the dismissed suggestions."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from executions.models import Execution
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion
from presets.fitting import fit
from presets.models import DismissedSuggestion, Preset
from presets.suggestions import Suggestion, Used, suggest

LOOK_BACK = timedelta(days=90)
LOOK_AT = 500
"""The number of newest predictions that are read."""


def suggestions_for(user: User, version: ModelVersion, schema: InputSchema) -> list[Suggestion]:
    """Return at most three suggestions, each of values that the live version still takes."""
    predictions = (
        Execution.objects.visible_to(user)
        .filter(
            version__model=version.model,
            status=Execution.Status.SUCCEEDED,
            requested_at__gte=timezone.now() - LOOK_BACK,
        )
        .order_by("-requested_at")
        .values_list("inputs", "requested_at")[:LOOK_AT]
    )
    own = Preset.objects.kept().filter(user=user, model=version.model)
    dismissed = DismissedSuggestion.objects.filter(user=user, model=version.model)
    found = suggest(
        [Used(inputs or {}, timezone.localtime(at, user.zone)) for inputs, at in predictions],
        schema,
        saved=list(own.values_list("inputs", flat=True)),
        dismissed=set(dismissed.values_list("digest", flat=True)),
    )
    return [one for one in found if not fit(one.values, schema).problems]
