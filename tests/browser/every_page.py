"""Going to every page of a role, for the tests that look at all of them."""

from playwright.sync_api import Error, Page

from tests.browser.conftest import Arrive

SETTLED = """async () => {
  await new Promise(requestAnimationFrame);
  await Promise.allSettled(document.getAnimations().map((one) => one.finished));
}"""


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
