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

LOOKS = {"dark": (375,), "light": (320, 768, 1280, 1920)}
PHONES = (320, 375)
LOOKED_AT_BY_AXE = (375, 1280)
# Waits for what moves to end. Returns what never does, though the person asked for less motion, and
# whether the page is too wide.
SETTLED = """async () => {
  await new Promise(requestAnimationFrame);
  const [ending, endless] = [[], []];
  for (const one of document.getAnimations())
    (Number.isFinite(one.effect.getComputedTiming().endTime) ? ending : endless).push(one);
  await Promise.allSettled(ending.map((one) => one.finished));
  const over = document.documentElement.scrollWidth - innerWidth;
  return endless.map((one) => `never comes to rest: ${one.effect.target.className}`)
    .concat(over > 0 ? [`${over} px too wide`] : []);
}"""
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
READ_AT = (*PHONES, 1280)
# What cannot be read as it is meant: a word of a choice, a button, an address or a head that goes
# on in the next line (one of a long address must), heads of columns that touch, columns of a list
# that one must scroll to, and a spinner that is no ring.
UNREADABLE = """() => {
  const seen = (e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const all = (what) => [...document.querySelectorAll(what)].filter(seen);
  const place = (node, from = 0, to = node.childNodes.length) => {
    const range = document.createRange();
    range.setStart(node, from);
    range.setEnd(node, to);
    return range;
  };
  const isBroken = (text, from, to) =>
    new Set([...place(text, from, to).getClientRects()].map((box) => Math.round(box.top))).size > 1;
  const isTable = (row) => getComputedStyle(row.parentElement).display === "table-header-group";
  const heads = all(".as-cards thead tr").filter(isTable).flatMap((row) => [...row.cells]);
  const labels = all(".segment label, .btn, .act, .chip, .counts a, .l-who");
  const broken = [...labels, ...heads].flatMap((e) => {
    const words = [];
    const texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
    while (texts.nextNode())
      for (const part of texts.currentNode.data.matchAll(/(?<!\\S)\\S{3,30}(?!\\S)/g))
        for (const word of part[0].matchAll(/(?<![\\p{L}\\d])[\\p{L}\\d]{3,20}(?![\\p{L}\\d])/gu)) {
          const from = part.index + word.index;
          if (isBroken(texts.currentNode, from, from + word[0].length))
            words.push(`broken word: ${word[0]}`);
        }
    return words;
  });
  const touching = all("thead tr").filter(isTable).flatMap((row) => {
    const texts = [...row.cells].filter((cell) => !cell.querySelector("select"))
      .map((cell) => [cell.innerText, place(cell).getBoundingClientRect()])
      .filter(([, box]) => box.width > 1).sort(([, a], [, b]) => a.left - b.left);
    return texts.slice(1)
      .filter(([, box], at) => texts[at][1].top < box.bottom && box.top < texts[at][1].bottom)
      .filter(([, box], at) => box.left - texts[at][1].right < 4)
      .map(([name]) => `touches the head before it: ${name}`);
  });
  const away = all(".results").filter((e) => e.scrollWidth > e.clientWidth + 1)
    .map(() => "columns out of sight");
  const flat = all(".spinner").filter((e) => e.offsetWidth < 8 || e.offsetHeight < 8)
    .map((e) => `a spinner of ${e.offsetWidth} × ${e.offsetHeight} px`);
  return [...broken, ...touching, ...away, ...flat];
}"""
AXE = REPOSITORY / "node_modules" / "axe-core"
# Django admin's search is labelled by a picture with its text, which that rule cannot see.
AXE_RUN = "axe.run({resultTypes: ['violations'], rules: {'label-title-only': {enabled: false}}})"
UNMOVED = "* { transition: none !important; }"


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
        is_same_page_again = name.startswith(("live", "hostile"))
        if not is_same_page_again:
            page.add_style_tag(content=UNMOVED)
            page.add_script_tag(url=axe)
        wrong += [f"{name} {said}" for said in faults(page, by_axe=not is_same_page_again)]
    assert not wrong, "\n".join(wrong)


def come(visit: Arrive, stranger: Arrive, person: str) -> Page:
    options = {"bypass_csp": True, "reduced_motion": "reduce"}
    if person == "nobody":
        return stranger("phone", **options)
    return visit(person, size="phone", **options)


def opens(page: Page, path: str) -> bool:
    """Open the address; return whether it is a page, and not a fragment or a download."""
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


def faults(page: Page, *, by_axe: bool) -> list[str]:
    """Return what is too wide, too small for a finger, covered or not to be read, in any width, and
    what axe calls serious in light and dark colours."""
    found = []
    for scheme, widths in LOOKS.items():
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width in widths:
            page.set_viewport_size({"width": width, "height": 800})
            said = page.evaluate(SETTLED)
            if width == 375:
                said += page.evaluate(SMALL)
            if width in PHONES:
                said += page.evaluate(COVERED)
            if width in READ_AT:
                said += page.evaluate(UNREADABLE)
            if by_axe and width in LOOKED_AT_BY_AXE:
                said += violations(page)
            found += [f"at {width}, {scheme}: {one}" for one in said]
    return found


def violations(page: Page) -> list[str]:
    """Return what axe calls serious."""
    return [
        f"{one['id']} {one['nodes'][0]['target']}"
        for one in page.evaluate(AXE_RUN)["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
