"""Every page of every role: axe finds nothing serious."""

import pytest

from tests.browser.conftest import REPOSITORY, Arrive
from tests.browser.every_page import come, opens, see

AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
# Django admin's search is labelled by a picture with its text, which that rule cannot see.
EVERYTHING = "{resultTypes: ['violations'], rules: {'label-title-only': {enabled: false}}}"
COLOURS = "{resultTypes: ['violations'], runOnly: ['color-contrast']}"


@pytest.mark.parametrize("person", ["nobody", "user", "superuser"])
def test_axe_finds_nothing_serious_on_any_page(
    pages: dict[str, dict[str, str]], visit: Arrive, stranger: Arrive, person: str
) -> None:
    page = come(visit, stranger, person, "desktop")
    wrong = []
    for name, path in pages[person].items():
        is_same_page_again = name.startswith(("live", "hostile"))
        if is_same_page_again or not opens(page, path):
            continue
        page.add_style_tag(content="* { transition: none !important; }")
        page.add_script_tag(path=AXE)
        for scheme, width, rules in (("light", 1280, EVERYTHING), ("dark", 375, COLOURS)):
            see(page, scheme, width)
            found = page.evaluate(f"axe.run({rules})")["violations"]
            wrong += [
                f"{name} {scheme}: {one['id']} {one['nodes'][0]['target']}"
                for one in found
                if one["impact"] in {"serious", "critical"}
            ]
    assert not wrong, "\n".join(wrong)
