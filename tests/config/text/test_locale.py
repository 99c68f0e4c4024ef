"""What Django and allauth say in forms is in the product's own words."""

import gettext
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.account.adapter import DefaultAccountAdapter
from django import forms
from django.conf import settings
from django.core import validators
from django.core.exceptions import ValidationError
from django.test import Client

FOLDER = Path(settings.LOCALE_PATHS[0]) / "en" / "LC_MESSAGES"
THEIRS = re.compile(
    r"^Ensure |^Enter a |^Select a valid|[Tt]his field|^Please |^No file was|submitted|"
    r"user account|login attempts|you specified"
)


def every(kind: type[forms.Field]) -> Iterator[type[forms.Field]]:
    yield kind
    for one in kind.__subclasses__():
        yield from every(one)


def said_by_forms() -> dict[str, str]:
    """Return every error that a class of form fields, or a validator, of Django's says."""
    found: dict[str, Any] = {}
    for kind in every(forms.Field):
        if kind.__module__.startswith("django.forms"):
            messages = kind.__dict__.get("default_error_messages", {})
            found |= {f"{kind.__name__} {code}": text for code, text in messages.items()}
    for validator in (
        validators.validate_email,
        validators.validate_slug,
        validators.URLValidator(),
        validators.MaxValueValidator(1),
        validators.MinValueValidator(1),
        validators.ProhibitNullCharactersValidator(),
    ):
        found[str(validator)] = validator.message
    shown_nowhere = ("ImageField", "SplitDateTimeField", "FilePathField")
    return {name: str(text) for name, text in found.items() if not name.startswith(shown_nowhere)}


def test_no_error_of_a_form_field_is_in_the_words_of_django() -> None:
    assert {name: text for name, text in said_by_forms().items() if THEIRS.search(text)} == {}


def test_a_long_text_is_told_in_our_words_too() -> None:
    with pytest.raises(ValidationError) as error:
        forms.CharField(max_length=3).clean("four")
    assert error.value.messages == ["Write at most 3 characters. This has 4."]


def test_no_error_about_a_password_or_an_address_is_in_the_words_of_allauth() -> None:
    shown_nowhere = ("phone", "username", "cannot_remove", "max_email", "unknown_phone")
    said = {
        code: str(text)
        for code, text in DefaultAccountAdapter.error_messages.items()
        if not code.startswith(shown_nowhere)
    }
    assert {code: text for code, text in said.items() if THEIRS.search(text)} == {}


def test_an_empty_sign_in_says_that_a_value_is_needed(client: Client, db: None) -> None:
    page = client.post("/accounts/login/", {"login": "", "password": ""}).content.decode()
    assert "A value is needed." in page
    assert "This field is required" not in page
    page = client.post("/accounts/password/reset/", {"email": "nobody"}).content.decode()
    assert "This is not an e-mail address. Write it like name@example.com." in page


def test_the_compiled_catalogue_says_what_its_source_says() -> None:
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    source = (FOLDER / "django.po").read_text()
    pairs = re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', source, re.MULTILINE)
    plurals = re.findall(
        r'^msgid "(.+)"\nmsgid_plural "(.+)"\nmsgstr\[0\] "(.+)"\nmsgstr\[1\] "(.+)"$',
        source,
        re.MULTILINE,
    )
    assert len(pairs) + len(plurals) == len(re.findall(r'^msgid ".+"$', source, re.MULTILINE))
    assert {text: compiled.gettext(text) for text, _ in pairs} == dict(pairs)
    for one, many, said, said_of_many in plurals:
        assert [compiled.ngettext(one, many, n) for n in (1, 2)] == [said, said_of_many]
