"""The habits in a person's own predictions, read for suggestions, and the dismissed suggestions."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from accounts.models import User
from executions.models import Execution
from model_host.protocol.inputs import Scalar
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion
from presets.fitting import fit
from presets.models import DismissedSuggestion, Preset
from presets.suggestions import Suggestion, Used, suggest

LOOK_BACK = timedelta(days=90)
LOOK_AT = 500
"""The number of newest predictions of a model that are read."""


def suggestions_for(user: User, version: ModelVersion, schema: InputSchema) -> list[Suggestion]:
    """Return at most three suggestions, each of values that the live version still takes."""
    return suggestions_of(user, {version.model_id: schema})[version.model_id]


def suggestions_of(user: User, schemas: Mapping[int, InputSchema]) -> dict[int, list[Suggestion]]:
    """Return the suggestions for each model, by the inputs of its live version. Three queries,
    however many models."""
    used = _used(user, schemas)
    saved: dict[int, list[Mapping[str, Scalar]]] = defaultdict(list)
    dismissed: dict[int, set[str]] = defaultdict(set)
    own = Preset.objects.kept().filter(user=user, model__in=schemas)
    for model_id, inputs in own.values_list("model_id", "inputs"):
        saved[model_id].append(inputs)
    gone = DismissedSuggestion.objects.filter(user=user, model__in=schemas)
    for model_id, digest in gone.values_list("model_id", "digest"):
        dismissed[model_id].add(digest)
    return {
        model_id: [
            one
            for one in suggest(
                used[model_id], schema, saved=saved[model_id], dismissed=dismissed[model_id]
            )
            if not fit(one.values, schema).problems
        ]
        for model_id, schema in schemas.items()
    }


def _used(user: User, schemas: Mapping[int, InputSchema]) -> dict[int, list[Used]]:
    """The newest successful predictions of each model, the newest first."""
    newest = Window(
        RowNumber(), partition_by=F("version__model"), order_by=F("requested_at").desc()
    )
    predictions = Execution.objects.visible_to(user).filter(
        version__model__in=schemas,
        status=Execution.Status.SUCCEEDED,
        requested_at__gte=timezone.now() - LOOK_BACK,
    )
    if len(schemas) > 1:  # of one model, the order and the limit do
        predictions = predictions.annotate(place=newest).filter(place__lte=LOOK_AT)
    rows = predictions.order_by("-requested_at").values_list(
        "version__model", "inputs", "requested_at"
    )
    found: dict[int, list[Used]] = defaultdict(list)
    for model_id, inputs, at in rows[: LOOK_AT * len(schemas)]:
        found[model_id].append(Used(inputs or {}, timezone.localtime(at, user.zone)))
    return found
