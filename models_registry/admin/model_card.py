"""The pages of a version's model card: read, edit and print."""

from typing import Any

from django.contrib import messages
from django.forms import ModelForm, Textarea
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone

from config.pdf.document import pdf_response
from config.text.numbers import count_text
from models_registry import services
from models_registry.admin.page import version_page
from models_registry.card.model_card import card_of
from models_registry.card.version_zip import backup_name
from models_registry.models import ModelVersion

WORDS = ("description", "intended_use", "limitations")
LONGEST = 5000


class CardForm(ModelForm):
    """The editable text of a card; nothing else of a version can be changed here."""

    class Meta:
        model = ModelVersion
        fields = WORDS
        widgets = {name: Textarea(attrs={"rows": 4, "maxlength": LONGEST}) for name in WORDS}

    def clean(self) -> dict[str, Any]:
        words = super().clean() or {}
        for name in WORDS:
            if len(words.get(name, "")) > LONGEST:
                self.add_error(name, f"Expected at most {count_text(LONGEST)} characters.")
        return words


def card(request: Any, pk: int) -> HttpResponse:
    """Show the card, with the form for its text below."""
    version = _version(pk)
    form = CardForm(request.POST or None, instance=version)
    if request.method == "POST" and form.is_valid():
        services.write_card(version=version, by=request.user, **form.cleaned_data)
        messages.success(request, "The model card is saved.")
        return redirect("admin:models_registry_modelversion_card", pk)
    return version_page(
        request,
        "card",
        version,
        title=f"Model card: {version}",
        card=card_of(version),
        form=form,
        status=422 if form.errors else 200,
    )


def card_pdf(request: Any, pk: int) -> HttpResponse:
    """Download the card as PDF, A4."""
    version = _version(pk)
    context = {
        "card": card_of(version),
        "version": version,
        "by": request.user,
        "at": timezone.now(),
    }
    name = f"{backup_name(version)}-model-card.pdf"
    return pdf_response(
        request,
        name,
        "models_registry/pdf/card.html",
        context,
        page=reverse("admin:models_registry_modelversion_card", args=[pk]),
        is_shown=True,
    )


def _version(pk: int) -> ModelVersion:
    known = ModelVersion.objects.select_related("model", "uploaded_by", "reference_data")
    return get_object_or_404(known, pk=pk)
