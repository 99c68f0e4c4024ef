"""Every page of every role: no sideways scrolling, large enough targets, no serious finding of axe.

Each page is opened once and looked at in every width: opening it is a good part of the time.
"""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Error, Page

from tests.browser.conftest import REPOSITORY, Arrive

WIDTHS = (320, 375, 768, 1280, 1920)
# Waits for what moves to end, and returns what never does though the person asked for less motion.
SETTLED = """async () => {
  await new Promise(requestAnimationFrame);
  const [ending, endless] = [[], []];
  for (const one of document.getAnimations())
    (Number.isFinite(one.effect.getComputedTiming().endTime) ? ending : endless).push(one);
  await Promise.allSettled(ending.map((one) => one.finished));
  return endless.map((one) => `never comes to rest: ${one.effect.target.className}`);
}"""
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
# What is to be pressed, in the bar and of the admin's buttons, and lies under something else or
# sticks out of its row, over what is above it.
COVERED = """() => {
  const all = ".topbar :is(a, button, summary), #content :is(.act, .submit-row > *)";
  const isCovered = (e) => {
    e.scrollIntoView({block: "center", inline: "nearest", behavior: "instant"});
    const box = e.getBoundingClientRect();
    const row = e.parentElement;
    if (e.matches(".act") && getComputedStyle(row).display !== "inline"
      && box.top < row.getBoundingClientRect().top - 1) return true;
    const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return !hit || !(e === hit || e.contains(hit));
  };
  const found = [...document.querySelectorAll(all)]
    .filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.disabled)
    .filter((e) => e.getBoundingClientRect().width > 1 && isCovered(e))
    .map((e) => `covered: ${e.tagName} ${e.innerText || e.value}`);
  scrollTo(0, 0);
  return found;
}"""
PHONES = (320, 375)
AXE = REPOSITORY / "node_modules" / "axe-core"
# Django admin's search is labelled by a picture with its text, which that rule cannot see.
AXE_RUN = "axe.run({resultTypes: ['violations'], rules: {'label-title-only': {enabled: false}}})"
LOOKED_AT_BY_AXE = (("light", 1280), ("dark", 375))


class Quiet(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def log_message(self, *args: object) -> None: ...


@pytest.fixture(scope="module")
def axe() -> Iterator[str]:
    """Yield the address from which the browser fetches axe, which it then compiles once."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=AXE)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/axe.min.js"
        server.shutdown()


@pytest.mark.parametrize("person", ["nobody", "user", "superuser"])
def test_every_page_fits_every_width_and_every_finger_and_axe_finds_nothing_serious(
    pages: dict[str, dict[str, str]], visit: Arrive, stranger: Arrive, axe: str, person: str
) -> None:
    page = come(visit, stranger, person)
    wrong = []
    for name, path in pages[person].items():
        if not opens(page, path):
            continue
        wrong += [f"{name}: {said}" for said in misfits(page)]
        is_same_page_again = name.startswith(("live", "hostile"))
        if not is_same_page_again:
            wrong += [f"{name} {said}" for said in violations(page, axe)]
    assert not wrong, "\n".join(wrong)


def come(visit: Arrive, stranger: Arrive, person: str) -> Page:
    options = {"bypass_csp": True, "reduced_motion": "reduce"}
    if person == "nobody":
        return stranger("phone", **options)
    return visit(person, size="phone", **options)


def opens(page: Page, path: str) -> bool:
    """Open the address; return whether it is a page, and not a fragment or a download."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDTHS[0], "height": 800})
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


def misfits(page: Page) -> list[str]:
    """Return what is too wide or too small for a finger, in any width."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        found += page.evaluate(SETTLED)
        if (over := page.evaluate(OVERFLOW)) > 0:
            found.append(f"{over} px too wide at {width}")
        if width == 375:
            found += page.evaluate(SMALL)
        if width in PHONES:
            found += page.evaluate(COVERED)
    return found


def violations(page: Page, axe: str) -> list[str]:
    """Return what axe calls serious in light and dark colours."""
    page.add_style_tag(content="* { transition: none !important; }")
    page.add_script_tag(url=axe)
    found = []
    for scheme, width in LOOKED_AT_BY_AXE:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate(SETTLED)
        found += [
            f"{scheme}: {one['id']} {one['nodes'][0]['target']}"
            for one in page.evaluate(AXE_RUN)["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
    return found
