"""Hostile names of models, inputs, choices and classes: every page shows them as text."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from accounts.models import User
from models_registry.models import Deployment, ModelVersion
from presets.models import Preset
from tests.factories import make_execution
from tests.hostile import (
    EVERY,
    INPUTS,
    LONG,
    MARKUP,
    MIRRORED,
    make_hostile_execution,
    make_hostile_version,
)
from tests.test_access_matrix import MATRIX

# As markup it would stand with its own angle brackets, in an attribute with its own quote.
AS_MARKUP = re.compile(r"<img src=x|<script>alert|</textarea><img|onerror=alert\(1\)>")


@pytest.fixture
def addresses(alice: User, ada: User) -> list[str]:
    """Return every page that names the version, its inputs, its answers or what came of them."""
    live = make_hostile_version(is_active=True)
    draft = make_hostile_version(model=live.model)
    Deployment.objects.create(
        version=live, model=live.model, action="promotion", by=ada, text=EVERY
    )
    one, two = (make_hostile_execution(user=alice, version=live) for _ in range(2))
    failed = make_execution(
        user=alice,
        version=live,
        inputs=INPUTS,
        error_code="INPUT",
        message=MARKUP,
        traceback=MARKUP,
    )
    preset = Preset.objects.create(user=alice, model=live.model, name=EVERY[:60], inputs=INPUTS)
    return [
        "/",
        "/models/hostile/",
        "/models/hostile/?typical=1",
        f"/models/hostile/?from={one.pk}",
        "/models/hostile/about/",
        "/presets/?model=hostile",
        f"/presets/{preset.pk}/",
        f"/presets/of/{one.pk}/",
        "/history/",
        f"/history/delete/?ids={one.pk}",
        f"/predictions/{one.pk}/",
        f"/predictions/{failed.pk}/",
        f"/compare/?ids={one.pk}&ids={two.pk}&all=1",
        *admin_pages(live),
        *admin_pages(draft),
        f"/admin/executions/execution/{failed.pk}/change/",
        "/admin/executions/execution/",
        "/admin/models_registry/registeredmodel/",
        "/admin/models_registry/modelversion/",
        "/admin/models_registry/deployment/",
    ]


def admin_pages(version: ModelVersion) -> list[str]:
    """Return every page about the version or its model, as the access matrix lists them."""
    rows: dict[str, Any] = {"version": version.pk, "model": version.model_id}
    return [
        reverse(name, kwargs={part: rows[row] for part, row in entry.values})
        for name, entry in MATRIX.items()
        if name.startswith("admin:")
        and not entry.is_post
        and entry.answers[4] == 200
        and entry.values
        and all(row in rows for _, row in entry.values)
    ]


def test_hostile_names_are_text_on_every_page(
    addresses: list[str], alice: User, root: User
) -> None:
    naming = 0
    for address in addresses:
        client = Client()
        client.force_login(root if address.startswith("/admin/") else alice)
        response = client.get(address)
        if response.status_code == 302 and address == "/":
            continue
        assert response.status_code == 200, address
        if not response.headers["Content-Type"].startswith("text/html"):
            continue
        page = response.content.decode()
        assert AS_MARKUP.search(page) is None, address
        naming += "&lt;img src=x" in page or LONG[:100] in page
    assert naming > 20


BLOCKS = frozenset({
    "address", "article", "aside", "bdi", "blockquote", "body", "caption", "dd", "details", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4",
    "header", "hr", "html", "legend", "li", "main", "nav", "ol", "option", "p", "pre", "search",
    "section", "select", "svg", "table", "tbody", "td", "textarea", "tfoot", "th", "thead",
    "title", "tr", "ul",
})  # fmt: skip
"""Elements whose text the Unicode bidirectional algorithm takes for itself: browsers' own sheets
isolate them. The site's sheet, theme.css, isolates more."""
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
ISOLATED = re.compile("\u2068[^\u2068\u2069]*\u2069")
ALONE = (EVERY, MIRRORED, f"{MARKUP} {LONG} {MIRRORED}")


class Reading(HTMLParser):
    """Every element that keeps its text to itself, with the texts inside it."""

    def __init__(self, isolating: frozenset[str]) -> None:
        super().__init__()
        self.isolating = isolating
        self.open: list[tuple[str, list[str]]] = [("html", [])]
        self.found: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in {"input", "img", "br", "meta", "link", "hr", "use", "path", "rect", "line"}:
            return
        is_apart = tag in self.isolating or "dir" in dict(attrs)
        self.open.append((tag, [] if is_apart else self.open[-1][1]))
        if is_apart:
            self.found.append(self.open[-1][1])

    def handle_endtag(self, tag: str) -> None:
        if tag in {one for one, _ in self.open[1:]}:
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.open[-1][1].append(data)


def test_no_name_turns_the_text_around_it(addresses: list[str], alice: User, root: User) -> None:
    sheet = Path(str(finders.find("css/theme.css"))).read_text()
    rule = re.search(r"([^{}]*)\{ *unicode-bidi: isolate;? *\}", sheet)
    assert rule is not None
    isolating = BLOCKS | {tag.strip() for tag in rule[1].rpartition("*/")[2].split(",")}
    turned = []
    for address in addresses:
        client = Client()
        client.force_login(root if address.startswith("/admin/") else alice)
        response = client.get(address)
        if not response.headers["Content-Type"].startswith("text/html"):
            continue
        reading = Reading(isolating)
        reading.feed(response.content.decode())
        for texts in reading.found:
            said = " ".join("".join(texts).split())
            is_alone = any(said.rstrip("…") in one for one in ALONE)
            if TURNING.search(ISOLATED.sub("", said)) and not is_alone:
                turned.append((address, said))
    assert not turned
