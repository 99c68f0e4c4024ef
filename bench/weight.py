"""`python -m bench.weight`: what the pages weigh and when they are usable on a slow phone network.

A running product, Chromium with a cold cache for each page and Slow 4G (1.6 Mbit/s, 150 ms). The
bytes are those on the wire, headers included. "Usable" is when the page has painted its first
content and its document is parsed, so that fields take input; "loaded" is the load event. The shift
is CLS (web.dev/articles/cls): the largest session window of layout shifts without input.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from dotenv import dotenv_values
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench import report, stack

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
BITS_PER_SECOND, ROUND_TRIP_MS = 1_600_000, 150
SLOW_4G = {
    "offline": False,
    "latency": ROUND_TRIP_MS,
    "downloadThroughput": BITS_PER_SECOND / 8,
    "uploadThroughput": 750_000 / 8,
}
MOST_KB, MOST_WITH_A_CHART_KB, USABLE_SECONDS = 120, 160, 1.5
WATCH_SHIFTS = """
  window.shift = 0;
  let start = 0, last = 0, sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      if (entry.startTime - last > 1000 || entry.startTime - start > 5000) {
        sum = 0;
        start = entry.startTime;
      }
      last = entry.startTime;
      sum += entry.value;
      window.shift = Math.max(window.shift, sum);
    }
  }).observe({type: "layout-shift", buffered: true});
"""
TIMES = """() => {
  const page = performance.getEntriesByType("navigation")[0];
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return [paint.startTime, page.domInteractive, page.loadEventEnd, window.shift];
}"""


@dataclass(frozen=True)
class Weight:
    """One page: kilobytes (1000 bytes) on the wire, seconds, and its layout shift."""

    name: str
    kb: float
    painted: float
    usable: float
    loaded: float
    shift: float
    has_chart: bool

    @property
    def is_within(self) -> bool:
        most = MOST_WITH_A_CHART_KB if self.has_chart else MOST_KB
        return self.kb <= most and self.usable <= USABLE_SECONDS and self.shift < 0.01

    def line(self) -> str:
        return (
            f"{self.name:<28}{self.kb:>7.1f} KB{self.painted:>9.2f} s{self.usable:>9.2f} s"
            f"{self.loaded:>9.2f} s{self.shift:>9.3f}  {'' if self.is_within else 'over'}"
        )


def weigh(browser: Browser, url: str, path: str, name: str, state: Path | None) -> Weight:
    """Open the page as the first of a visit: nothing is cached, no connection stands."""
    context = browser.new_context(
        base_url=url, viewport={"width": 375, "height": 812}, has_touch=True, storage_state=state
    )
    context.add_init_script(WATCH_SHIFTS)
    page = context.new_page()
    page.set_default_timeout(120_000)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW_4G)
    received = counter(session)
    page.goto(path)
    page.wait_for_load_state("networkidle")
    painted, interactive, loaded, shift = page.evaluate(TIMES)
    has_chart = page.locator("canvas").count() > 0
    context.close()
    usable = max(painted, interactive) / 1000
    total = sum(received) / 1000
    return Weight(name, total, painted / 1000, usable, loaded / 1000, shift, has_chart)


def counter(session: CDPSession) -> list[float]:
    """Return a list that grows by the bytes of each answer."""
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    return received


def sign_in(page: Page, password: str, person: str) -> None:
    page.goto("/accounts/login/")
    page.fill("input[name=login]", f"{person}@example.com")
    page.fill("input[name=password]", password)
    page.click("main form button.btn-primary")
    page.wait_for_selector("header .avatar")


def predict(page: Page, petal_length: str) -> str:
    """Return the address of a prediction that has its answer."""
    page.goto("/models/iris-species/?typical=1")
    page.get_by_label("Petal length").fill(petal_length)
    page.locator("button:visible", has_text="Predict").last.click()
    page.wait_for_selector("#result h2.value:has-text('Iris')", timeout=30_000)
    address = page.locator("#result a.mono").get_attribute("href")
    assert address is not None
    return address


def pages(first: str, second: str) -> Iterator[tuple[str, str, str]]:
    """Yield each page with the person who opens it: person, name, address."""
    ids = "&".join(f"ids={address.split('/')[2]}" for address in (first, second))
    yield "", "sign-in", "/accounts/login/"
    yield "user", "home", "/"
    yield "user", "form", "/models/loan-repayment/?typical=1"
    yield "user", "result", first
    yield "user", "history", "/history/"
    yield "user", "comparison, with chart", f"/compare/?{ids}"
    yield "user", "presets", "/presets/"
    yield "user", "notifications", "/notifications/"
    yield "admin", "monitoring", "/monitoring/"
    yield "admin", "failures", "/monitoring/failures/"


def measure(folder: Path, work: Path) -> Iterator[Weight]:
    """Sign in, predict twice, then weigh page after page. ``work`` keeps the sessions' cookies."""
    values = dotenv_values(folder / "env")
    url, password = values["SITE_URL"] or "", values["DEMO_PASSWORD"] or ""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        made: list[str] = []
        states: dict[str, Path | None] = {"": None}
        for person in ("admin", "user"):
            context = browser.new_context(base_url=url)
            page = context.new_page()
            sign_in(page, password, person)
            if person == "user":
                made = [predict(page, "1.4"), predict(page, "6")]
            states[person] = work / f"{person}.json"
            context.storage_state(path=states[person])
            context.close()
        for person, name, path in pages(*made):
            yield weigh(browser, url, path, name, states[person])
        browser.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.weight")
    parser.add_argument("file", nargs="?", type=Path, default=stack.FOLDER / "weight.json")
    arguments = parser.parse_args()
    weights = []
    with stack.running():
        print(f"{'':<28}{'wire':>10}{'painted':>11}{'usable':>11}{'loaded':>11}{'shift':>9}")
        for weight in measure(Path(os.environ["STACK_DIR"]), stack.FOLDER):
            print(weight.line(), flush=True)
            weights.append(weight)
    pages = [asdict(weight) | {"is_within": weight.is_within} for weight in weights]
    report.write(arguments.file, {"machine": report.machine(), "pages": pages})
    return 0 if all(weight.is_within for weight in weights) else 1


if __name__ == "__main__":
    sys.exit(main())
