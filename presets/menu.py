"""The menu of presets in a model's form: those of the person, and what their predictions
suggest."""

from typing import Any

from accounts.models import User
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import RegisteredModel
from presets.habits import suggestions_of
from presets.models import Preset
from presets.presentation import rows, suggestion_rows


def menu_of(user: User, model: RegisteredModel, schema: InputSchema) -> dict[str, Any]:
    """Build the context of `presets/_picker.html`."""
    presets = Preset.objects.kept().filter(user=user, model=model)
    suggested = suggestions_of(user, {model.pk: schema}).get(model.pk, [])
    return {
        "model": model,
        "rows": rows(presets, schema),
        "suggestions": suggestion_rows(suggested, schema),
    }
