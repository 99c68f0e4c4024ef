"""The forms of the failure pages."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from models_registry.models import ModelVersion, RegisteredModel
from monitoring.models import Category, FailureGroup

NOTE_LENGTH = 5000


def note_field(*, required: bool = False) -> forms.CharField:
    return forms.CharField(
        label="Note",
        required=required,
        max_length=NOTE_LENGTH,
        error_messages={
            "required": "Write a note first.",
            "max_length": f"A note has at most {NOTE_LENGTH:,} characters.",
        },
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 3}),
    )


class NoteForm(forms.Form):
    note = note_field(required=True)


class ReviewForm(forms.Form):
    category = forms.ChoiceField(
        choices=[("", "Choose …"), *Category.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
        label="Cause",
        error_messages={"required": "Choose a cause."},
    )
    note = note_field()

    @property
    def chosen(self) -> Category:
        return Category(self.cleaned_data["category"])


class VersionField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.short_name} (live)" if obj.is_active else str(obj.short_name)


class ResolveForm(forms.Form):
    """The version in which the cause is fixed: one of the model's, the newest first."""

    version = VersionField(
        queryset=ModelVersion.objects.none(),
        widget=forms.Select(attrs={"class": "form-select"}),
        label="Fixed in",
        empty_label=None,
        error_messages={"required": "Choose a version of this model."},
    )
    note = note_field()

    def __init__(self, group: FailureGroup, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["version"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = ModelVersion.objects.filter(model=group.model_id).order_by("-number")


class FilterForm(forms.Form):
    """The filter of the list of groups. Everything is in the query string."""

    state = forms.CharField(required=False)
    model = forms.ModelChoiceField(
        queryset=RegisteredModel.objects.none(),
        required=False,
        empty_label="All models",
        to_field_name="slug",
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["model"]
        assert isinstance(field, forms.ModelChoiceField)
        failing = RegisteredModel.objects.exclude(failure_groups=None)
        field.queryset = failing.distinct().order_by("name")

    def filter(self, groups: QuerySet[FailureGroup]) -> Any:
        """Return the groups of the chosen model, of any state."""
        model = self.cleaned_data.get("model") if self.is_valid() else None
        return groups.filter(model=model) if model else groups
