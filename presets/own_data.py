"""The personal data of this app."""

from accounts.models import User
from accounts.privacy.personal_data import Part, Row, register
from models_registry.visibility import UNSEEN, hidden_ids
from presets.models import Preset


def _rows(user: User) -> list[Row]:
    """The person's own values stay theirs where the model is hidden from them now."""
    hidden = hidden_ids(user)
    return [
        {
            "created_at": preset.created_at,
            "model__name": UNSEEN if preset.model_id in hidden else preset.model.name,
            "name": preset.name,
            "inputs": preset.inputs,
        }
        for preset in Preset.objects.kept()
        .filter(user=user)
        .select_related("model")
        .order_by("created_at")
    ]


def _erase(user: User) -> None:
    user.presets.all().delete()
    user.dismissed_suggestions.all().delete()


register(Part("presets", _rows, _erase))
