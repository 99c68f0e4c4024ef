"""The forms of saved test cases."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from model_host.protocol.inputs import Scalar
from models_registry.cases.case_check import read_expected, written
from models_registry.cases.case_table import MAX_BYTES, MAX_NAME
from models_registry.inputs.number_text import NumberProblem, format_number, parse_number, typed
from models_registry.models import ModelVersion

MOST_CHOICES = 100


class CaseForm(forms.Form):
    """A saved case: a name, an expected answer for each target (fields e0, e1, …, so that no
    target's name becomes markup), and how far a number may be off."""

    name = forms.CharField(max_length=MAX_NAME, help_text="What the case checks.")
    tolerance = forms.CharField(
        required=False,
        help_text="How far a number may be off, in its own unit. Empty means equal.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(
        self,
        version: ModelVersion,
        data: Any = None,
        *,
        name: str = "",
        expected: Sequence[Scalar] = (),
        tolerance: float = 0.0,
        decimal_mark: str = "",
    ) -> None:
        self.is_regression = version.task == "regression"
        self.task = version.task
        self.decimal_mark = decimal_mark
        self.targets = list(version.targets.all())
        initial = {f"e{place}": self._typed(value) for place, value in enumerate(expected)} | {
            "name": name,
            "tolerance": self._typed(tolerance) if tolerance else "",
        }
        super().__init__(data, initial=initial)
        for place, target in enumerate(self.targets):
            self.fields[f"e{place}"] = self._field(f"Expected: {target}", target.class_labels)
        self.order_fields(["name", *(f"e{place}" for place in range(len(self.targets)))])
        if not self.is_regression:
            del self.fields["tolerance"]

    def _field(self, label: str, classes: list[list[Any]]) -> forms.Field:
        if 0 < len(classes) <= MOST_CHOICES:
            return forms.ChoiceField(
                label=label, choices=[(written(value), name) for value, name in classes]
            )
        return forms.CharField(label=label, max_length=1000)

    def _typed(self, value: Scalar) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and self.is_regression:
            return typed(format_number(value), self.decimal_mark)  # type: ignore[arg-type]
        return written(value)

    def clean_tolerance(self) -> float:
        text = self.cleaned_data["tolerance"]
        if not text.strip():
            return 0.0
        number = parse_number(text, decimal_mark=self.decimal_mark)
        if isinstance(number, NumberProblem):
            raise forms.ValidationError(number.message)
        if number < 0:
            raise forms.ValidationError("Expected a number of 0 or more.")
        return number

    def clean(self) -> dict[str, Any]:
        expected: list[Scalar] = []
        for place, target in enumerate(self.targets):
            value = read_expected(
                self.cleaned_data.get(f"e{place}", ""),
                task=self.task,
                classes=[(known, label) for known, label in target.class_labels],
                decimal_mark=self.decimal_mark,
            )
            if isinstance(value, NumberProblem):
                if f"e{place}" not in self.errors:
                    self.add_error(f"e{place}", value.message)
            else:
                expected.append(value)
        self.cleaned_data["expected"] = expected
        self.cleaned_data.setdefault("tolerance", 0.0)
        return self.cleaned_data


class CaseTableForm(forms.Form):
    """A CSV of cases."""

    file = forms.FileField(
        label="CSV file",
        help_text="At most 100 cases. A column for each input, and one called expected.",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )

    def clean_file(self) -> str:
        upload: UploadedFile = self.cleaned_data["file"]
        if upload.size and upload.size > MAX_BYTES:
            raise forms.ValidationError("The file is larger than 1 MB.")
        try:
            text: str = upload.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise forms.ValidationError(
                "The file is not UTF-8 text. Save it as “CSV UTF-8”."
            ) from error
        return text
