"""The answer beside a form, and which of the form's values it was not made with. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from executions.comparison.differences import same
from executions.forms import InputForm
from model_host.protocol.inputs import Scalar
from models_registry.inputs.pasted_row import written_row

NAMED = 3
"""The number of inputs that the sentence names."""
LONGEST = 30
"""Characters of a name in the sentence."""


@dataclass(frozen=True)
class MadeWith:
    """One value that an answer was made with: ``text`` as the field ``key`` carries it."""

    key: str
    label: str
    text: str


@dataclass(frozen=True)
class Standing:
    """The values that an answer was made with, and those of them that the form does not hold."""

    made_with: tuple[MadeWith, ...]
    differing: tuple[MadeWith, ...]

    @property
    def is_stale(self) -> bool:
        return bool(self.differing)

    @property
    def sentence(self) -> str:
        """ "Made with other values: Age, Amount, Term and 3 more"."""
        named = ", ".join(filter(None, [one.label for one in self.differing[:NAMED]]))
        more = len(self.differing) - NAMED
        if not named:
            return "Made with other values"
        return f"Made with other values: {named}" + (f" and {more} more" if more > 0 else "")

    @property
    def data(self) -> str:
        """The values for `static/js/executions.js`, which compares them as the form changes: JSON
        of each key's text and label."""
        return json.dumps({one.key: [one.text, one.label] for one in self.made_with})


def standing(form: InputForm, values: Mapping[str, Any], *, is_example: bool) -> Standing:
    """Compare what a form holds with the ``values`` that the answer beside it was made with. Empty
    fields do not differ from an example: nobody has written anything else there."""
    made = _made_with(form, form.input_schema.read(values), set(values))
    held = {one.key: str(form[one.key].value() or "") for one in made}
    differing = tuple(
        one
        for one in made
        if _plain(held[one.key]) != _plain(one.text)
        and not (is_example and not held[one.key].strip())
        and not _is_same(form, one.key, values)
    )
    return Standing(made, differing)


def _made_with(
    form: InputForm, values: Mapping[str, Scalar], known: set[str]
) -> tuple[MadeWith, ...]:
    if form.is_wide:
        row = written_row(form.input_schema, values, form.decimal_mark)
        return (MadeWith("row", "", row),)
    return tuple(
        MadeWith(
            key,
            _brief(field.feature.label),
            field.text_of(values[field.feature.name], form.decimal_mark),
        )
        for key, field in form.inputs.items()
        if field.feature.name in known
    )


def _is_same(form: InputForm, key: str, values: Mapping[str, Any]) -> bool:
    """Whether the checked value of a field is the same in another way of writing."""
    name = form.names.get(key, "")
    checked = form.cleaned_inputs.values
    return name in checked and same(checked[name], form.input_schema.read(values)[name])


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _brief(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
