"""The whole product as `make run` brings it up, and a browser to use it."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.clocks import PATIENCE_SECONDS

REPOSITORY = Path(__file__).resolve().parents[2]
ARTIFACTS = Path(__file__).parent / "artifacts"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
A_STEP_MS = 60_000  # far longer than a step takes; a suite in which many fail still ends
SIZES = {"desktop": (1440, 900), "phone": (375, 812)}
PASSWORD = "a sentence to sign in with"


@dataclass(frozen=True)
class Site:
    """A running product: its address, the demo's password, and its own environment."""

    url: str
    password: str
    environment: dict[str, str]

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command against it."""
        return self._run("manage.py", *arguments)

    def rows(self, what: str, *arguments: str) -> Any:
        """Have `tests/browser/scene.py` make rows in it, and say what it answers."""
        made = self._run("-m", "tests.browser.scene", what, *arguments)
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_SECONDS,  # the product's own limit for a start ends first
            check=False,
        )


@contextmanager
def counted(folder: Path) -> Iterator[Callable[[int], int]]:
    """Yield how many processes use the folder; nobody else counts meanwhile."""
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        before = int(file.read() or 0)

        def change(by: int) -> int:
            file.truncate(0)
            file.write(str(before + by))
            return before + by

        yield change


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield everything `make run` starts, with the demo's people and models: one for all tests of
    this folder, also where pytest-xdist shares them among processes. It takes a tenth of a
    processor while nobody asks it for anything, and so does not outlive them."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "product"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = kept | {
        "STACK_DIR": str(shared / "stack"),
        "PREDICTIONS_PER_MINUTE": "1000",
        "UPLOADS_PER_HOUR": "1000",
        "DEMO_PAST": "false",
        "DATABASE_STATEMENT_TIMEOUT_MS": str(PATIENCE_SECONDS * 1000),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    unknown = Site("", "", environment)
    with counted(shared) as count:
        if count(1) == 1:
            started = unknown.manage("up", "--detach")
            if started.returncode:
                count(0)
            assert started.returncode == 0, started.stdout + started.stderr
    try:
        values = dotenv_values(shared / "stack" / "env")
        yield Site(values["SITE_URL"] or "", values["DEMO_PASSWORD"] or "", environment)
    finally:
        with counted(shared) as count:
            if count(-1) == 0:
                unknown.manage("down")
                shutil.rmtree(shared / "stack", ignore_errors=True)


@pytest.fixture(scope="module")
def pages(site: Site) -> dict[str, dict[str, str]]:
    """Return where the pages are, by person and name. Their rows are made once in a product."""
    file = Path(site.environment["STACK_DIR"]) / "pages.json"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_text(json.dumps(site.rows("pages")))
    found: dict[str, dict[str, str]] = json.loads(file.read_text())
    return found


class Browsers(dict[bool, Browser]):
    """Chromium, and (under False) one that runs no scripts and so reads what stands in noscript;
    each is started once it is asked for."""

    def __init__(self, playwright: Playwright) -> None:
        self._launch = partial(playwright.chromium.launch, executable_path=CHROMIUM)

    def __missing__(self, runs_scripts: bool) -> Browser:
        none = [] if runs_scripts else ["--blink-settings=scriptEnabled=false"]
        self[runs_scripts] = self._launch(args=[*FLAGS, *none])
        return self[runs_scripts]


@pytest.fixture(scope="module")
def browsers() -> Iterator[Browsers]:
    """Yield the browsers of a file.

    Of a module, not of the session: while Playwright runs, Django takes its thread for an
    asynchronous one and refuses it the database.
    """
    with sync_playwright() as playwright:
        yield Browsers(playwright)


Arrive = Callable[..., Page]
Free = dict[tuple[object, ...], list[BrowserContext]]
OPENED = pytest.StashKey[list[Page]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a picture of each page on which a test failed."""
    report = yield
    if report.when == "call" and report.failed and OPENED in item.stash:
        ARTIFACTS.mkdir(exist_ok=True)
        pages = item.stash[OPENED]
        for number, page in enumerate(pages):
            name = f"{item.name}-{number}.png".replace("/", " ")
            page.screenshot(path=ARTIFACTS / name, full_page=True)
    return report


@pytest.fixture(scope="module")
def free() -> Free:
    """Return the browser contexts that no test uses, by their options. One that was used has the
    site's files and opens a page in half the time of a new one."""
    return defaultdict(list)


@pytest.fixture
def stranger(
    request: pytest.FixtureRequest, site: Site, browsers: Browsers, free: Free
) -> Iterator[Arrive]:
    """Yield a page of nobody yet: `stranger("phone", timezone_id="Europe/Zagreb")`."""
    taken: list[tuple[list[BrowserContext], BrowserContext]] = []
    opened: list[Page] = []
    request.node.stash[OPENED] = opened

    def arrive(size: str = "desktop", *, scripts: bool = True, **options: Any) -> Page:
        alike = free[size, scripts, *sorted(options.items())]
        width, height = SIZES[size]
        context = (
            alike.pop()
            if alike
            else browsers[scripts].new_context(
                viewport={"width": width, "height": height},
                base_url=site.url,
                has_touch=size == "phone",
                **options,
            )
        )
        context.set_default_timeout(A_STEP_MS)
        taken.append((alike, context))
        opened.append(context.new_page())
        return opened[-1]

    expect.set_options(timeout=A_STEP_MS)
    yield arrive
    for alike, context in taken:
        for page in context.pages:
            page.close()
        context.clear_cookies()
        alike.append(context)


@pytest.fixture(scope="module")
def sessions() -> dict[str, list[Any]]:
    """Return the cookies of who signed in before, by person: once in a file is enough."""
    return {}


@pytest.fixture
def visit(site: Site, stranger: Arrive, sessions: dict[str, list[Any]]) -> Arrive:
    """Hand over the page of one of the demo's people, who is signed in: `visit("user",
    size="phone")`."""

    def sign_in(person: str) -> list[Any]:
        page = stranger()
        page.goto("/accounts/login/")
        page.fill("input[name=login]", f"{person}@example.com")
        page.fill("input[name=password]", site.password)
        page.click("main form button.btn-primary")
        page.wait_for_selector("header .avatar")
        return [one for one in page.context.cookies() if one["name"] == "sessionid"]

    def arrive(person: str, *, size: str = "desktop", **options: Any) -> Page:
        if person not in sessions:
            sessions[person] = sign_in(person)
        page = stranger(size, **options)
        page.context.add_cookies(sessions[person])
        return page

    return arrive


@pytest.fixture
def newcomer(stranger: Arrive) -> Arrive:
    """Return the page of somebody who has just registered, and so has no history:
    `newcomer("phone")`."""

    def sign_up(size: str = "desktop", *, email: str = "", **options: Any) -> Page:
        page = stranger(size, **options)
        page.goto("/accounts/signup/")
        page.get_by_label("E-mail").fill(email or f"{uuid.uuid4().hex}@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.click("main form button.btn-primary")
        page.wait_for_selector("header .avatar")
        return page

    return sign_up


def predict(page: Page) -> None:
    """Choose the Predict that this size shows."""
    page.locator("button:visible", has_text=re.compile(r"^\s*Predict\s*$")).last.click()


def result_of(page: Page, answer: str | re.Pattern[str]) -> None:
    """Wait until the answer is on the page."""
    page.locator("#result h2.value").first.wait_for()  # expect asks less often
    expect(page.locator("#result h2.value")).to_have_text(answer)
