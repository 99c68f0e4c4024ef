"""A parser of the product's pages: links, htmx requests, and the prediction's form, ready to be
filled in and sent."""

import random
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

FORM = "predict"
RESULT = "result"
LARGE = 20
"""A whole number below this may be a code, and is left as it is."""


@dataclass(frozen=True)
class Question:
    """What htmx asks by itself, so many seconds after the page or fragment is there."""

    address: str
    seconds: float


@dataclass
class Input:
    """One input of the form: what stands in it, and what can be chosen instead."""

    value: str = ""
    choices: list[str] = field(default_factory=list)

    def varied(self, chance: random.Random) -> str:
        """Another choice, or a number within five in a hundred; other text stays."""
        if self.choices:
            return chance.choice(self.choices)
        if not re.fullmatch(r"-?\d+(\.\d+)?", self.value):
            return self.value
        number = float(self.value)
        near = number * chance.uniform(0.95, 1.05)
        if "." in self.value:
            return f"{near:.2f}"
        return str(round(near)) if abs(number) >= LARGE else self.value


class Page(HTMLParser):
    """A page or a fragment of one, read once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.token = ""
        self.models: list[str] = []
        """Addresses of models' forms, each once."""
        self.questions: list[Question] = []
        self.inputs: dict[str, Input] = {}
        self.is_sent_by_htmx = False
        """Whether htmx sends the prediction's form; else the browser does."""
        self.address = ""
        """What the page shows after such a form: the address of the prediction."""
        self.has_result = False
        """Whether a result is there, finished: a pane that asks for nothing any more."""
        self._in_form = False
        self._open = ""
        self.feed(text)

    def filled(self, chance: random.Random) -> dict[str, str]:
        """Return the form as a person sends it who changed its values; hidden fields as they
        are."""
        return {
            name: each.varied(chance) if re.fullmatch(r"f\d+", name) else each.value
            for name, each in self.inputs.items()
        }

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if told.get("name") == "csrfmiddlewaretoken":
            self.token = self.token or told["value"]
        address = told.get("href", "").partition("#")[0]
        if re.fullmatch(r"/models/[\w-]+/", address) and address not in self.models:
            self.models.append(address)
        asks = re.match(r"load(?: delay:(\d+)ms)?", told.get("hx-trigger", ""))
        if "hx-get" in told and asks:
            self.questions.append(Question(told["hx-get"], int(asks[1] or 0) / 1000))
        self.address = told.get("data-address", self.address)
        if told.get("id") == RESULT:
            self.has_result = "hx-get" not in told
        if tag == "form":
            self._in_form = told.get("id") == FORM
            self.is_sent_by_htmx = self.is_sent_by_htmx or (self._in_form and "hx-post" in told)
        elif self._in_form:
            self._read_input(tag, told)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._in_form = self._in_form and tag != "form"
        self._open = "" if tag in ("select", "textarea") else self._open

    def handle_data(self, data: str) -> None:
        if self._open and not self.inputs[self._open].choices:
            self.inputs[self._open].value += data.strip()

    def _read_input(self, tag: str, told: dict[str, str]) -> None:
        name, value = told.get("name", ""), told.get("value", "")
        if told.get("form", FORM) != FORM:
            return  # it stands in the form and belongs to another one
        if {"is-other", "other"} & {*told.get("class", "").split()}:
            return  # the choices are enough to fill the form
        if tag == "option" and self._open:
            self.inputs[self._open].choices += [value] if value else []
        elif tag in ("select", "textarea"):
            self._open = name
            self.inputs[name] = Input()
        elif tag == "input" and told.get("type") == "radio":
            self.inputs.setdefault(name, Input()).choices.append(value)
        elif tag == "input" and name:
            self.inputs[name] = Input(value)
