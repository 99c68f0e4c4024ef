"""The forms of promotion, rollback and retirement."""

from typing import Any

from django import forms
from django.conf import settings

from config.text.numbers import count_text
from models_registry.promotion.readiness import Readiness, proposed_text


class PromoteForm(forms.Form):
    """The text on what changed, for the people who use the model, and the admin's confirmations,
    each shown only if it is needed."""

    text = forms.CharField(
        label="What changed, for the people who use it",
        min_length=10,
        max_length=2000,
        widget=forms.Textarea(
            attrs={
                "rows": 5,
                "placeholder": "For example: “Knows heat pumps as a purpose. Trained on data to "
                "October 2026.”",
            }
        ),
    )
    libraries_tested = forms.BooleanField(label="I have tested this", required=False)
    inputs_reviewed = forms.BooleanField(label="I have reviewed the changes", required=False)

    raw_values = forms.BooleanField(label="These are raw values", required=False)

    def __init__(self, ready: Readiness, data: Any = None) -> None:
        super().__init__(data, initial={"text": proposed_text(ready)})
        self.fields[
            "text"
        ].help_text = (
            f"10 to {count_text(2000)} characters. Goes into the mail and onto the dashboard."
        )
        if not ready.libraries:
            del self.fields["libraries_tested"]
        if ready.changes.is_empty:
            del self.fields["inputs_reviewed"]
        if not ready.asks_for_raw_values:
            del self.fields["raw_values"]

    def clean(self) -> None:
        ticks = {
            "libraries_tested": "Tick that you have tested this version with these libraries.",
            "inputs_reviewed": "Tick that you have reviewed the changes of the inputs.",
            "raw_values": "Tick that people enter the values that the model was trained on.",
        }
        for name, sentence in ticks.items():
            if name in self.fields and not self.cleaned_data.get(name):
                self.add_error(name, sentence)


class ReasonForm(forms.Form):
    """The reason of a rollback or a retirement."""

    reason = forms.CharField(
        label="Reason",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class RollbackForm(ReasonForm):
    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["reason"]
        field.required = settings.REQUIRE_ROLLBACK_REASON
        field.help_text = "People read it in the notice and on the dashboard." + (
            "" if field.required else " Left empty, they read “No reason given”."
        )


class RetireForm(ReasonForm):
    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.fields["reason"].required = True
        self.fields["reason"].help_text = "It stays in the record of this deployment."
