"""Every page of every role: no sideways scrolling, and fingers hit."""

import pytest

from tests.browser.conftest import Arrive
from tests.browser.every_page import SETTLED, come, opens

WIDTHS = (320, 375, 768, 1280, 1920)
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
