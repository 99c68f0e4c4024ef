"""`python -m bench.browsing [FILE] [--against CHECKOUT]`: what browsing costs the web process.

Three figures of a running product, and with ``--against`` the same of another checkout of it in
the same run, by turns, so that what else the machine does falls on both alike:

- a prediction in Chromium, from the click on Predict to its answer with the explanation: the
  requests that the browser makes (static files apart) and the web's processor time;
- every page: the web's processor time of one GET (median of the rounds);
- every page: its queries, and how many of them any page pays (session, person, notices), counted
  with Django's own client on the stack's database.

Processor time is the web server's and its workers' by the kernel's count, whose unit is 10 ms: a
round asks for a page often enough that this does not matter.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from dotenv import dotenv_values
from playwright.sync_api import Page, Request, sync_playwright

from bench import report, weight
from bench.prediction import round_trip
from bench.stack import FOLDER, REPOSITORY

PAGES = {
    "home": ("user", "/"),
    "form": ("user", "/models/loan-repayment/?typical=1"),
    "result": ("user", "{result}"),
    "history": ("user", "/history/"),
    "presets": ("user", "/presets/"),
    "notifications": ("user", "/notifications/"),
    "profile": ("user", "/accounts/profile/"),
    "monitoring": ("admin", "/monitoring/"),
    "failures": ("admin", "/monitoring/failures/"),
    "admin's home": ("admin", "/admin/"),
    "admin's models": ("admin", "/admin/models_registry/registeredmodel/"),
    "admin's executions": ("admin", "/admin/executions/execution/"),
}
MODEL = "/models/iris-species/?typical=1"
ROUNDS, GETS, PREDICTIONS = 5, 20, 12
# The same rows on both sides: a checkout without the demo's past would show shorter lists.
SETTINGS = {"PREDICTIONS_PER_MINUTE": "1000000", "DEMO_PAST": "false"}
SETTLED = "#result .contrib"

QUERIES = """
import json, sys, django
django.setup()
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
told = {}
for name, (person, path) in json.loads(sys.argv[1]).items():
    client = Client(headers={"host": sys.argv[2]})
    client.force_login(get_user_model().objects.get(email=f"{person}@example.com"))
    for _ in range(2):
        client.get(path)
    with CaptureQueriesContext(connection, ) as asked:
        assert client.get(path).status_code == 200, path
    told[name] = [query["sql"] for query in asked.captured_queries]
print("QUERIES" + json.dumps(told))
"""
SHELL = (
    "django_session", "accounts_user", "usersessions", "notifications_notification", "SAVEPOINT",
    "BEGIN", "COMMIT",
)  # fmt: skip
"""Tables that any page reads, and the words of a transaction."""


@dataclass
class Site:
    """One checkout's running product, and what was measured of it."""

    checkout: Path
    url: str
    password: str
    web: psutil.Process
    sessions: dict[str, httpx.Client] = field(default_factory=dict)
    result: str = ""
    requests: list[list[str]] = field(default_factory=list)
    prediction_ms: list[float] = field(default_factory=list)
    page_ms: dict[str, list[float]] = field(default_factory=dict)
    queries: dict[str, list[str]] = field(default_factory=dict)

    def processor_ms(self) -> float:
        """Milliseconds of processor time that the web server and its workers have used."""
        family = [self.web, *self.web.children(recursive=True)]
        times = [process.cpu_times() for process in family if process.is_running()]
        return 1000.0 * sum(float(one.user + one.system) for one in times)

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "prediction_ms": self.prediction_ms,
            "page_ms": self.page_ms,
            "queries": self.queries,
        }


@contextmanager
def serving(checkout: Path, python: str) -> Iterator[Site]:
    """Run a checkout's product in a stack of its own, and stop it."""
    folder = FOLDER / "browsing" / checkout.resolve().name
    environment = os.environ | SETTINGS | {"STACK_DIR": str(folder)}
    manage = [python, str(checkout / "manage.py")]
    subprocess.run([*manage, "up", "--detach"], cwd=checkout, env=environment, check=True)
    try:
        values = dotenv_values(folder / "env")
        told = json.loads((folder / "run.json").read_text())
        web = psutil.Process(told["processes"]["web"]["identity"]["pid"])
        yield Site(checkout, told["site_url"], values["DEMO_PASSWORD"] or "", web)
    finally:
        subprocess.run([*manage, "down"], cwd=checkout, env=environment, check=True)


def predict(site: Site, page: Page) -> None:
    """Make one prediction as a person does, and keep what it cost the web."""
    asked: list[str] = []

    def note(request: Request) -> None:
        path = request.url.removeprefix(site.url)
        if not path.startswith(("/static/", "data:", "/favicon")):
            asked.append(f"{request.method} {path.partition('?')[0]}")

    page.goto(site.url + MODEL)
    page.wait_for_load_state("networkidle")
    before = site.processor_ms()
    page.on("request", note)
    page.locator("button:visible", has_text="Predict").last.click()
    page.wait_for_selector("#result h2.value:has-text('Iris')", timeout=30_000)
    page.locator(SETTLED).first.wait_for(state="attached", timeout=30_000)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)  # so that what asks by itself a little later is counted, too
    page.remove_listener("request", note)
    site.prediction_ms.append(site.processor_ms() - before)
    site.requests.append(asked)
    address = page.locator("#result a[href*='/predictions/']").first.get_attribute("href")
    assert address is not None
    site.result = address.partition("#")[0]


def open_often(site: Site, name: str) -> None:
    """Ask for a page many times, and keep the processor time of one."""
    person, path = PAGES[name]
    path = path.format(result=site.result)
    before = site.processor_ms()
    for _ in range(GETS):
        answer = site.sessions[person].get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} was answered with {answer.status_code}")
    site.page_ms.setdefault(name, []).append((site.processor_ms() - before) / GETS)


def count_queries(site: Site, python: str) -> None:
    """Count every page's queries in a process of the checkout's own."""
    folder = FOLDER / "browsing" / site.checkout.resolve().name
    values = {key: value for key, value in dotenv_values(folder / "env").items() if value}
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "ERROR"}
    pages = {name: (who, path.format(result=site.result)) for name, (who, path) in PAGES.items()}
    host = site.url.partition("//")[2]
    done = subprocess.run(
        [python, "-c", QUERIES, json.dumps(pages), host],
        cwd=site.checkout, env=os.environ | values | settings | {"STACK_DIR": str(folder)},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    site.queries = json.loads(done.stdout.rpartition("QUERIES")[2])


def shell_of(queries: list[str]) -> int:
    """Return how many of a page's queries any page would pay."""
    return sum(any(table in query for table in SHELL) for query in queries)


def measure(sites: list[Site], python: str) -> None:
    """Measure the sites by turns."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=weight.CHROMIUM, args=weight.FLAGS)
        windows = []
        for site in sites:
            page = browser.new_context(base_url=site.url).new_page()
            weight.sign_in(page, site.password, "user")
            windows.append(page)
        for turn in range(PREDICTIONS + 2):
            for site, page in zip(sites, windows, strict=True):
                predict(site, page)
                if turn < 2:  # the first ones fill caches
                    site.prediction_ms.clear()
                    site.requests.clear()
        browser.close()
    for site in sites:
        for person in ("user", "admin"):
            cookies = round_trip.sign_in(f"{person}@example.com", site.password, address=site.url)
            site.sessions[person] = httpx.Client(base_url=site.url, cookies=cookies, timeout=30)
    for name in PAGES:
        for turn in range(ROUNDS + 1):
            for site in sites:
                open_often(site, name)
                if not turn:
                    site.page_ms[name].clear()
    for site in sites:
        count_queries(site, python)


def table(sites: list[Site]) -> str:
    """Return one line for the prediction and one for each page, each site's figures beside."""
    head = ["", *(["requests", "web"] * len(sites))]
    prediction = ["prediction in a browser"]
    for site in sites:
        prediction += [
            f"{statistics.median(map(len, site.requests)):.0f}",
            f"{statistics.median(site.prediction_ms):,.0f} ms",
        ]
    lines = [["", *(["queries", "web"] * len(sites))]]
    for name in PAGES:
        lines.append([name])
        for site in sites:
            asked = site.queries[name]
            lines[-1] += [
                f"{len(asked)} ({shell_of(asked)})",
                f"{statistics.median(site.page_ms[name]):,.1f} ms",
            ]
    return "\n\n".join(report.aligned(part, str.rjust) for part in ([head, prediction], lines))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.browsing", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=FOLDER / "browsing.json")
    parser.add_argument("--against", type=Path, help="another checkout of the product")
    asked = parser.parse_args()
    checkouts = [*([asked.against.resolve()] if asked.against else []), REPOSITORY]
    with ExitStack() as stack:
        sites = [stack.enter_context(serving(each, sys.executable)) for each in checkouts]
        measure(sites, sys.executable)
    facts = report.machine()
    names = ", then ".join(site.checkout.name for site in sites)
    print(f"\n{facts['cores']} cores, load {facts['load_average'][0]}: {names}\n")
    print(table(sites))
    first, last = sites[0], sites[-1]
    if first is not last:
        ratio = statistics.median(first.prediction_ms) / statistics.median(last.prediction_ms)
        print(f"\nA prediction in a browser costs the web {ratio:.1f} times less than before.")
    told = {site.checkout.name: site.as_json() for site in sites}
    report.write(asked.file, {"machine": facts, "sites": told})
    return 0


if __name__ == "__main__":
    sys.exit(main())
