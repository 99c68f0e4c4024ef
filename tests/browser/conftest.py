"""The whole product as `make run` brings it up, and a browser to use it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from playwright.sync_api import Browser, Page, sync_playwright

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
SIZES = {"desktop": (1440, 900), "phone": (375, 812)}


@dataclass(frozen=True)
class Site:
    """A running product: its address, the demo's password, and its own environment."""

    url: str
    password: str
    environment: dict[str, str]

    def manage(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a management command against it."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Everything `make run` starts, in a folder of its own, with the demo's people and models."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="product-") as folder:
        environment = kept | {"STACK_DIR": folder, "PREDICTIONS_PER_MINUTE": "1000"}
        unknown = Site("", "", environment)
        started = unknown.manage("up", "--detach", timeout=300)
        try:
            assert started.returncode == 0, started.stdout + started.stderr
            values = dotenv_values(f"{folder}/env")
            yield Site(values["SITE_URL"] or "", values["DEMO_PASSWORD"] or "", environment)
        finally:
            unknown.manage("down")


@pytest.fixture(scope="module")
def browsers() -> Iterator[dict[bool, Browser]]:
    """Chromium, and (under False) one that runs no scripts and so reads what stands in noscript.

    Of a module, not of the session: while Playwright runs, Django takes its thread for an
    asynchronous one and refuses it the database.
    """
    with sync_playwright() as playwright:
        launch = partial(playwright.chromium.launch, executable_path=CHROMIUM)
        scriptless = launch(args=[*FLAGS, "--blink-settings=scriptEnabled=false"])
        yield {True: launch(args=FLAGS), False: scriptless}


Visit = Callable[..., Page]


@pytest.fixture
def visit(site: Site, browsers: dict[bool, Browser]) -> Iterator[Visit]:
    """Sign somebody in and hand over their page: `visit("user", size="phone")`."""
    contexts = []

    def sign_in(
        person: str, *, size: str = "desktop", scripts: bool = True, **options: Any
    ) -> Page:
        width, height = SIZES[size]
        context = browsers[scripts].new_context(
            viewport={"width": width, "height": height}, base_url=site.url, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.goto("/accounts/login/")
        page.fill("input[name=login]", f"{person}@example.com")
        page.fill("input[name=password]", site.password)
        page.click("main form button.btn-primary")
        page.wait_for_selector("header .avatar, #user-tools")
        return page

    yield sign_in
    for context in contexts:
        context.close()


@pytest.fixture
def stranger(site: Site, browsers: dict[bool, Browser]) -> Iterator[Callable[[str], Page]]:
    """A page of nobody yet, whose browser lives in Zagreb: `stranger("phone")`."""
    contexts = []

    def arrive(size: str) -> Page:
        width, height = SIZES[size]
        context = browsers[True].new_context(
            viewport={"width": width, "height": height},
            base_url=site.url,
            timezone_id="Europe/Zagreb",
        )
        contexts.append(context)
        return context.new_page()

    yield arrive
    for context in contexts:
        context.close()


def keep(page: Page, name: str) -> None:
    """Keep a screenshot of the whole page."""
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)
