"""The forms of registration, upload and reference data."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from config.text.json_text import BadJson, read_json
from config.text.numbers import count_text
from engine.heartbeats import offered_runtimes
from models_registry.errors import BadReferenceData, BadTrainingConfig
from models_registry.models import ModelVersion
from models_registry.reference.reference_profile import MAX_ROWS, read_reference
from models_registry.services import ReferenceUpload
from models_registry.training import config_parser


class ReferenceFields(forms.Form):
    """Reference data and the admin's statements about it. ``cleaned_data["upload"]`` combines them,
    None if no file was chosen."""

    reference = forms.FileField(
        label="Reference data",
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    target_column = forms.CharField(
        label="Target column",
        max_length=300,
        required=False,
        help_text="The column with the true outcomes, if the file has one.",
    )
    is_held_out = forms.BooleanField(
        label="These rows were not used in training",
        required=False,
        help_text="Then a 90 % interval is computed for a model that answers with a number.",
    )
    profile_only = forms.BooleanField(
        label="Keep the profile only",
        required=False,
        help_text="Otherwise at most 200 rows are kept for explanations, and the most typical of "
        "them gives the typical values. Sensitive inputs and free texts are left out.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reference"].help_text = (
            f"CSV with a header, at most {count_text(MAX_ROWS)} rows and 20 MB: rows like those "
            "the model was trained on. They give ranges that warn and typical values."
        )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        data["upload"] = None
        file: UploadedFile | None = data.get("reference")
        target = data.get("target_column", "").strip()
        if data.get("is_held_out") and not target:
            self.add_error(
                "target_column", "Name the column with the outcomes; the interval comes from it."
            )
        if file is None:
            return data
        try:
            reference = read_reference(file.chunks(), target=target)
        except BadReferenceData as error:
            names_target = target and target in error.message
            self.add_error("target_column" if names_target else "reference", error.message)
            return data
        data["upload"] = ReferenceUpload(
            reference,
            file_name=file.name or "",
            keeps_rows=not data["profile_only"],
            is_held_out=data["is_held_out"],
        )
        return data


class UploadForm(ReferenceFields):
    """A model file and, if there are any, its training configuration and reference data."""

    file = forms.FileField(label="Model file")
    config = forms.FileField(
        label="Training configuration",
        required=False,
        widget=forms.FileInput(attrs={"accept": ".json,.yaml,.yml"}),
        help_text="JSON or YAML: labels, units, ranges, metrics. Everything in it is optional.",
    )
    label = forms.CharField(
        max_length=60, required=False, help_text="A short name beside the version number."
    )
    description = forms.CharField(
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What this version is, for the people who use it.",
    )
    release_notes = forms.CharField(
        label="What changed",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Changes since the previous version. The promotion page starts with this text.",
    )
    takes_over = forms.BooleanField(
        required=False,
        initial=True,
        help_text="What the new file and its training configuration say still wins. Afterwards "
        "the version shows what was taken and what does not fit.",
    )
    field_order = ["file", "config", "reference", "target_column", "is_held_out", "profile_only"]

    def __init__(self, *args: Any, source: ModelVersion | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if source is None:
            del self.fields["takes_over"]
        else:
            earlier = f"{source.short_name}{', which is live' if source.is_active else ''}"
            label = f"Take over labels, groups, rules and cases from {earlier}"
            self.fields["takes_over"].label = label
        most = settings.ARTIFACT_MAX_BYTES // 1024**2
        self.fields["file"].help_text = (
            f"joblib, pickle or skops, at most {most} MB, with a fitted scikit-learn model. "
            "It is opened only in a locked-down process."
        )

    @property
    def chosen_again(self) -> list[str]:
        """The labels of the files that a browser forgot when it sent this form."""
        return [str(self.fields[name].label) for name in self.files if name in self.fields]

    def clean_config(self) -> dict[str, Any]:
        upload: UploadedFile | None = self.cleaned_data["config"]
        if upload is None:
            return {}
        if upload.size and upload.size > config_parser.MAX_BYTES:
            raise forms.ValidationError("The training configuration is larger than 1 MB.")
        try:
            return config_parser.parse(upload.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError("The training configuration is not UTF-8 text.") from error
        except BadTrainingConfig as error:
            raise forms.ValidationError(error.message) from error


class ReferenceForm(ReferenceFields):
    """Reference data for a draft that has its file already."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reference"].required = True


class ReplaceForm(forms.Form):
    """Another file for a draft whose file was refused."""

    file = forms.FileField(label="Model file")


class ApproveForm(forms.Form):
    """The types that the review page showed: exactly these are approved."""

    types = forms.CharField(widget=forms.HiddenInput)

    def clean_types(self) -> list[tuple[str, str]]:
        try:
            types = read_json(self.cleaned_data["types"], "The list of types")
        except BadJson as error:
            raise forms.ValidationError(str(error)) from error
        match types:
            case [*pairs] if all(
                isinstance(pair, list) and [type(part) for part in pair] == [str, str]
                for pair in pairs
            ):
                return [(module, name) for module, name in pairs]
        raise forms.ValidationError("Not a list of types.")


class OtherRuntimeForm(forms.Form):
    """Another runtime than the one that saved a file: one that a living worker has, chosen on
    purpose."""

    runtime = forms.ChoiceField(
        choices=lambda: [(minor, minor) for minor in offered_runtimes()],
        error_messages={"invalid_choice": "No worker has scikit-learn %(value)s any more."},
    )
    other_numbers = forms.BooleanField(
        error_messages={"required": "Tick that you know that it may answer with other numbers."}
    )
