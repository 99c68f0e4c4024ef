"""The forms of requests for help and their answers."""

from django import forms

ASK_LENGTH = 2000
ANSWER_LENGTH = 5000


def _text(label: str, length: int, rows: int) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=length,
        error_messages={
            "required": "Write a message first.",
            "max_length": f"A message has at most {length:,} characters.",
        },
        widget=forms.Textarea(attrs={"class": "form-control", "rows": rows}),
    )


class AskForm(forms.Form):
    text = _text("Your message", ASK_LENGTH, 5)


class AnswerForm(forms.Form):
    text = _text("Answer", ANSWER_LENGTH, 5)


class ContactForm(forms.Form):
    subject = forms.CharField(
        label="Subject",
        max_length=200,
        widget=forms.TextInput(attrs={"class": "form-control"}),
        error_messages={"required": "Write a subject."},
    )
    text = _text("Message", ANSWER_LENGTH, 12)
