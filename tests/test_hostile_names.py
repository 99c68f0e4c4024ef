"""Whatever models, inputs, choices and classes are called, every page shows it as text."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from models_registry.models import Deployment, ModelVersion
from presets.models import Preset
from tests.factories import make_execution
from tests.hostile import EVERY, INPUTS, LONG, MARKUP, make_hostile_execution, make_hostile_version
from tests.test_access_matrix import MATRIX

# As markup it would stand with its own angle brackets, in an attribute with its own quote.
AS_MARKUP = re.compile(r"<img src=x|<script>alert|</textarea><img|onerror=alert\(1\)>")


@pytest.fixture
def addresses(alice: User, ada: User) -> list[str]:
    """Every page that names the version, its inputs, its answers or what came of them."""
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
        "/presets/hostile/picker/",
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
    """Every page about the version or its model, as the access matrix lists them."""
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
