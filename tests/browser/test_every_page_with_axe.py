"""Every page of every role: axe finds nothing serious."""

import pytest

from tests.browser.conftest import REPOSITORY, Arrive
from tests.browser.every_page import come, opens, see

AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
# Django admin's search is labelled by a picture with its text, which that rule cannot see.
AXE_RUN = "axe.run({resultTypes: ['violations'], rules: {'label-title-only': {enabled: false}}})"


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
        for scheme, width in (("light", 1280), ("dark", 375)):
            see(page, scheme, width)
            found = page.evaluate(AXE_RUN)["violations"]
            wrong += [
                f"{name} {scheme}: {one['id']} {one['nodes'][0]['target']}"
                for one in found
                if one["impact"] in {"serious", "critical"}
            ]
    assert not wrong, "\n".join(wrong)
