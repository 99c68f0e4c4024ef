"""The page of all presets: those of each model, and what the person's predictions suggest."""

from collections import defaultdict
from dataclasses import dataclass

from accounts.models import User
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, RegisteredModel
from presets.habits import suggestions_of
from presets.models import Preset
from presets.presentation import Row, SuggestionRow, rows, suggestion_rows
from presets.suggestions import Suggestion


@dataclass(frozen=True)
class Group:
    """One model with the person's presets and suggestions for it. Presets of a model without a
    live ``version`` are kept, but fit no form."""

    model: RegisteredModel
    version: ModelVersion | None
    rows: list[Row]
    suggestions: list[SuggestionRow]

    @property
    def is_used(self) -> bool:
        return bool(self.rows or self.suggestions)


def groups_of(user: User) -> list[Group]:
    """Return every model that the person sees and that is live or has presets of theirs, by name.
    Six queries, however many models and presets."""
    presets: dict[int, list[Preset]] = defaultdict(list)
    models: dict[int, RegisteredModel] = {}
    for preset in Preset.objects.kept().own_of(user).select_related("model"):
        presets[preset.model_id].append(preset)
        models[preset.model_id] = preset.model
    live = ModelVersion.objects.active().visible_to(user).select_related("model")
    versions = {version.model_id: version for version in live.prefetch_related("features")}
    models |= {pk: version.model for pk, version in versions.items()}
    schemas = {
        pk: InputSchema(tuple(feature.spec for feature in version.features.all()))
        for pk, version in versions.items()
    }
    suggested = suggestions_of(user, schemas)
    return [
        _group(model, versions.get(pk), schemas.get(pk), presets[pk], suggested.get(pk, []))
        for pk, model in sorted(models.items(), key=lambda item: item[1].name.casefold())
    ]


def _group(
    model: RegisteredModel,
    version: ModelVersion | None,
    schema: InputSchema | None,
    presets: list[Preset],
    suggested: list[Suggestion],
) -> Group:
    if schema is None:
        kept = [Row(preset, [], len(preset.inputs), None) for preset in presets]
        return Group(model, version, kept, [])
    return Group(model, version, rows(presets, schema), suggestion_rows(suggested, schema))
