"""The form of a preset: its name, and the model's inputs, each of which may be left out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms

from executions.forms import InputForm
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import Requirement
from models_registry.inputs.input_schema import InputSchema

NOT_SET = ("", "Not set")


class PresetForm(InputForm):
    """The form of a preset. Given values must fit the model's rules; empty ones are not part of
    it."""

    name = forms.CharField(
        max_length=60, label="Name", widget=forms.TextInput(attrs={"class": "form-control"})
    )

    def __init__(
        self,
        schema: InputSchema,
        data: Mapping[str, Any] | None = None,
        *,
        name: str = "",
        values: Mapping[str, Scalar] | None = None,
        decimal_mark: str = "",
    ) -> None:
        super().__init__(relaxed(schema), data, values=values, decimal_mark=decimal_mark)
        self.initial["name"] = name
        for key, field in self.inputs.items():
            if field.layout in {"segment", "radios"}:
                self.fields[key].widget.choices = [*field.widget.choices, NOT_SET]


def relaxed(schema: InputSchema) -> InputSchema:
    """Return the same inputs, all optional and without rules between them."""
    return InputSchema(
        tuple(
            replace(feature, requirement=Requirement.OPTIONAL, default=None)
            for feature in schema.features
        )
    )


def typed_values(data: Any, schema: InputSchema) -> Any:
    """Convert what a person typed into a model's form to the data of a preset's form: the same
    texts, and none where the form was made for other inputs."""
    typed = data.copy()
    if typed.get("schema") != schema.digest:
        typed = type(typed)(mutable=True)
    typed["schema"] = relaxed(schema).digest
    typed["form_token"] = data.get("form_token", "")
    return typed
