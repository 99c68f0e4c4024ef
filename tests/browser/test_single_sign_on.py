"""Single sign-on in a real browser, with a real provider."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import A_STEP_MS, SIZES, keep
from tests.factories import PASSWORD, make_user
from tests.open_id_provider import OpenIdProvider, running


@pytest.fixture(scope="module", autouse=True)
def _the_database_beside_the_browser() -> Iterator[None]:
    """While Playwright runs, Django takes its thread for an asynchronous one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def provider(settings: Any, live_server: Any) -> Iterator[OpenIdProvider]:
    with running() as one:
        settings.SITE_URL = live_server.url
        settings.OIDC_ISSUER = one.url
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = "plumbline", "secret"
        settings.OIDC_NAME = "Example Corp"
        settings.OIDC_REQUIRED_GROUP = "plumbline"
        claims = {"email_verified": True, "groups": ["plumbline"]}
        one.knows("mira", email="mira@example.com", name="Mira Kovač", **claims)
        yield one


def at_the_provider(page: Page, subject: str) -> None:
    page.get_by_role("link", name="Sign in with Example Corp").click()
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize").click()


@pytest.mark.parametrize("size", SIZES)
def test_a_colleague_links_their_account_once_and_then_comes_in_by_one_click(
    provider: OpenIdProvider, live_server: Any, browsers: dict[bool, Browser], size: str
) -> None:
    make_user("mira@example.com")
    width, height = SIZES[size]
    expect.set_options(timeout=A_STEP_MS)
    context = browsers[True].new_context(
        viewport={"width": width, "height": height}, base_url=live_server.url
    )
    context.set_default_timeout(A_STEP_MS)
    page = context.new_page()
    page.goto("/presets/")
    keep(page, f"single-sign-on-{size}")
    at_the_provider(page, "mira")
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this account yours?")
    keep(page, f"single-sign-on-link-{size}")
    page.get_by_label("Password of the account").fill(PASSWORD)
    page.get_by_role("button", name="Link and sign in").click()
    page.wait_for_url("**/presets/")
    context.clear_cookies()
    page.goto("/presets/")
    at_the_provider(page, "mira")
    page.wait_for_url("**/presets/")
    context.clear_cookies()
    provider.knows("mira", email="mira@example.com", email_verified=True, groups=["others"])
    page.goto("/")
    at_the_provider(page, "mira")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    keep(page, f"single-sign-on-refused-{size}")
    context.close()
