"""The forms with which admins bring a model to production."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from models_registry import training_config
from models_registry.errors import BadTrainingConfig


class UploadForm(forms.Form):
    """A model file and, if there is one, its training configuration."""

    file = forms.FileField(
        label="Model file",
        help_text="joblib, pickle or skops, with a fitted scikit-learn model. "
        "It is opened only in a locked-down process.",
    )
    config = forms.FileField(
        label="Training configuration",
        required=False,
        help_text="JSON or YAML: labels, units, ranges, metrics. Everything in it is optional.",
    )
    label = forms.CharField(
        max_length=60, required=False, help_text="A short name beside the version number."
    )
    release_notes = forms.CharField(
        label="What changed",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def clean_config(self) -> dict[str, Any]:
        upload: UploadedFile | None = self.cleaned_data["config"]
        if upload is None:
            return {}
        if upload.size and upload.size > training_config.MAX_BYTES:
            raise forms.ValidationError("The training configuration is larger than 1 MB.")
        try:
            return training_config.parse(upload.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError("The training configuration is not UTF-8 text.") from error
        except BadTrainingConfig as error:
            raise forms.ValidationError(error.message) from error


class ReplaceForm(forms.Form):
    """Another file for a draft whose file was refused."""

    file = forms.FileField(label="Model file")


class ApproveForm(forms.Form):
    """The types that the review page showed: what was read is what gets approved."""

    types = forms.JSONField(widget=forms.HiddenInput)

    def clean_types(self) -> list[tuple[str, str]]:
        match self.cleaned_data["types"]:
            case [*pairs] if all(
                isinstance(pair, list) and [type(part) for part in pair] == [str, str]
                for pair in pairs
            ):
                return [(module, name) for module, name in pairs]
        raise forms.ValidationError("Not a list of types.")


class PromoteForm(forms.Form):
    """What changed, in words, for the people who use the model."""

    text = forms.CharField(
        label="What changed, for the people who use it",
        min_length=10,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="10 to 2,000 characters. It stays in the record of this deployment.",
    )
