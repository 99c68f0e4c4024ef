"""Single sign-on in a real browser, with a real provider."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.invitations.services import invite
from accounts.models import User
from models_registry.services import showing
from tests.browser.conftest import A_STEP_MS, SIZES
from tests.factories import PASSWORD, make_model, make_user, make_version
from tests.open_id_provider import OpenIdProvider, switched_on

MIRA: dict[str, Any] = {
    "email": "mira@example.com",
    "email_verified": True,
    "name": "Mira Kovač",
    "groups": ["plumbline"],
}


@pytest.fixture(scope="module", autouse=True)
def _the_database_beside_the_browser() -> Iterator[None]:
    """While Playwright runs, Django takes its thread for an asynchronous one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def provider(settings: Any, live_server: Any) -> Iterator[OpenIdProvider]:
    with switched_on(settings) as one:
        settings.SITE_URL = live_server.url
        one.knows("mira", **MIRA)
        yield one


@pytest.fixture(params=SIZES)
def visitor(
    request: pytest.FixtureRequest, live_server: Any, browsers: dict[bool, Browser]
) -> Iterator[Page]:
    """A browser of nobody yet."""
    width, height = SIZES[request.param]
    expect.set_options(timeout=A_STEP_MS)
    context = browsers[True].new_context(
        viewport={"width": width, "height": height}, base_url=live_server.url
    )
    context.set_default_timeout(A_STEP_MS)
    yield context.new_page()
    context.close()


on_a_desktop = pytest.mark.parametrize("visitor", ["desktop"], indirect=True)


def sign_in(page: Page, address: str = "/") -> None:
    """Come as a stranger, and sign in at the provider."""
    page.context.clear_cookies()
    page.goto(address)
    at_the_provider(page)


def at_the_provider(page: Page) -> None:
    page.get_by_role("link", name="Sign in with Example Corp").click()
    page.get_by_placeholder("sub").fill("mira")
    page.get_by_role("button", name="Authorize").click()


def test_a_colleague_links_their_account_once_and_then_comes_in_by_one_click(
    provider: OpenIdProvider, visitor: Page
) -> None:
    make_user("mira@example.com")
    visitor.goto("/presets/")
    at_the_provider(visitor)
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Is this account yours?")
    visitor.get_by_label("Password of the account").fill(PASSWORD)
    visitor.get_by_role("button", name="Link and sign in").click()
    visitor.wait_for_url("**/presets/")
    sign_in(visitor, "/presets/")
    visitor.wait_for_url("**/presets/")


@on_a_desktop
def test_somebody_new_comes_in_and_their_models_follow_their_groups(
    provider: OpenIdProvider, visitor: Page
) -> None:
    """The first sign-in, a group gained, and a group lost."""
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    make_version(model=make_model(name="Plain", slug="plain"), is_active=True)
    make_version(model=make_model(name="Other", slug="other"), is_active=True)
    hidden = make_version(model=make_model(name="Quiet default", slug="quiet"), is_active=True)
    team = showing.save_group(name="Credit team", by=root)
    showing.show_model(model=hidden.model, is_for_everybody=False, groups=[team], by=root)
    models = visitor.get_by_role("main")
    for groups, is_seen in (([], False), (["Credit team"], True), ([], False)):
        provider.knows("mira", **MIRA | {"groups": ["plumbline", *groups]})
        sign_in(visitor)
        expect(models).to_contain_text("Plain")
        assert ("Quiet default" in models.inner_text()) is is_seen
        answer = visitor.goto("/models/quiet/")
        assert answer is not None
        assert answer.status == (200 if is_seen else 404)
    assert User.objects.get(email="mira@example.com").name == "Mira Kovač"


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "the claim of groups is missing": ({"groups": None}, "did not say which groups you belong to"),
    "the address is not verified": ({"email_verified": False}, "does not confirm that your e-mail"),
    "the group was left": ({"groups": ["others"]}, "does not belong to the group that may come in"),
    "the nonce is another": ({}, "begun in another browser, was used already, or is too old"),
}


@on_a_desktop
def test_each_refusal_is_a_page_with_its_sentence_and_a_way_back(
    provider: OpenIdProvider, visitor: Page
) -> None:
    for cause, (changed, said) in REFUSALS.items():
        known = {name: value for name, value in (MIRA | changed).items() if value is not None}
        provider.knows("mira", **known)
        if "nonce" in cause:
            provider.says_in_token(nonce="of somebody else")
        sign_in(visitor)
        expect(visitor.get_by_role("heading", level=1)).to_have_text("You are not signed in")
        expect(visitor.get_by_role("main")).to_contain_text(said)
        visitor.get_by_role("link", name="Back to sign-in").click()
        expect(visitor.get_by_role("link", name="Sign in with Example Corp")).to_be_visible()
    assert not User.objects.exists()


@on_a_desktop
def test_an_invited_colleague_without_a_password_comes_in_by_the_link(
    provider: OpenIdProvider, visitor: Page, settings: Any
) -> None:
    settings.PASSWORD_SIGN_IN, settings.REGISTRATION = False, "closed"
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    (link,) = invite(names={"mira@example.com": ""}, role="user", by=root)
    visitor.goto(link.url)
    at_the_provider(visitor)
    expect(visitor.get_by_text("Your account is ready.")).to_be_visible()
