"""Every page of both roles: no sideways scrolling, fingers hit, axe finds nothing serious."""

import pytest
from playwright.sync_api import Error, Page

from tests.browser.conftest import REPOSITORY, Arrive, Site

AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (320, 375, 768, 1280, 1920)
SETTLED = """async () => {
  await new Promise(requestAnimationFrame);
  await Promise.allSettled(document.getAnimations().map((one) => one.finished));
}"""
# Django admin's search is labelled by a picture with its text, which that rule cannot see.
AXE_RUN = "axe.run({resultTypes: ['violations'], rules: {'label-title-only': {enabled: false}}})"
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
# What acts on a phone and is lower than 44 px. Links inside a sentence are excepted (WCAG 2.5.8),
# and a radio or tick box is as large as its label.
SMALL = """() => {
  const seen = (e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true})
    && !e.closest(".visually-hidden, .skip, .skip-to-content-link");
  const inSentence = (e) => e.tagName === "A" && getComputedStyle(e).display === "inline";
  const height = (e) => {
    const label = e.matches("[type=checkbox], [type=radio]") && (e.labels?.[0] ?? e.parentElement);
    return Math.max(e.getBoundingClientRect().height, label?.getBoundingClientRect?.().height ?? 0);
  };
  const all = "a[href], button, summary, select, textarea, input:not([type=hidden])";
  return [...document.querySelectorAll(all)]
    .filter((e) => seen(e) && !inSentence(e) && e.getBoundingClientRect().width > 1)
    .filter((e) => height(e) < 43.5)
    .map((e) => `${e.tagName}.${e.className} ${e.innerText || e.name} ${height(e)}`);
}"""


@pytest.fixture(scope="module")
def pages(site: Site) -> dict[str, dict[str, str]]:
    """Where the pages are, by person and name."""
    found: dict[str, dict[str, str]] = site.rows("pages")
    return found


def come(visit: Arrive, stranger: Arrive, person: str, size: str) -> Page:
    options = {"bypass_csp": True, "reduced_motion": "reduce"}
    if person == "nobody":
        return stranger(size, **options)
    return visit(person, size=size, **options)


def opens(page: Page, path: str) -> bool:
    """Go there; say whether it is a page, and not a fragment of one or a download."""
    page.set_viewport_size({"width": 375, "height": 800})
    try:
        answer = page.goto(path)
    except Error as error:
        if "Download is starting" in error.message:
            return False
        raise
    assert answer is not None
    assert answer.status == 200, path
    is_html = answer.headers.get("content-type", "").startswith("text/html")
    return is_html and bool(page.evaluate("document.doctype !== null"))


def see(page: Page, scheme: str, width: int) -> None:
    """Look at the page in these colours and this width, and let its transitions end."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(SETTLED)


@pytest.mark.parametrize("person", ["nobody", "user", "superuser"])
def test_every_page_fits_every_width_and_every_finger(
    pages: dict[str, dict[str, str]], visit: Arrive, stranger: Arrive, person: str
) -> None:
    page = come(visit, stranger, person, "phone")
    wrong = []
    for name, path in pages[person].items():
        if not opens(page, path):
            continue
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate(SETTLED)
            if (over := page.evaluate(OVERFLOW)) > 0:
                wrong.append(f"{name} is {over} px too wide at {width}")
            if width == 375:
                wrong += [f"{name}: {small}" for small in page.evaluate(SMALL)]
    assert not wrong, "\n".join(wrong)


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
