"""Accounts in a real browser with real mail: sign-up, and a lost password."""

import re
from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, Arrive, Site, predict
from tests.clocks import until


def letter_to(site: Site, address: str, subject: str) -> str:
    """Return the text of the mail that the running product sent; waits for its outbox."""
    folder = Path(site.environment["STACK_DIR"]) / "mail"

    def found() -> list[EmailMessage]:
        parts = [part for file in folder.glob("*.log") for part in file.read_text().split("-" * 79)]
        letters = (message_from_string(part.lstrip(), policy=policy.default) for part in parts)
        return [one for one in letters if (one["To"], one["Subject"]) == (address, subject)]

    until(found, f"the mail “{subject}” to {address}")
    text = found()[0].get_body(("plain",))
    assert text is not None
    return str(text.get_content())


def link_in(text: str) -> str:
    found = re.search(r"^https?://\S+$", text, re.M)
    assert found
    return found[0]


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_stranger_registers_confirms_and_predicts(
    site: Site, stranger: Arrive, size: str
) -> None:
    email = f"mira-{size}@example.com"
    page = stranger(size, timezone_id="Europe/Zagreb")
    page.goto("/")
    page.click("text=Create an account")
    page.get_by_label("Name").fill("Mira Kovač")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.click("main form button.btn-primary")
    page.wait_for_selector("header .avatar")
    page.goto(link_in(letter_to(site, email, "Confirm your e-mail address")))
    page.click("text=Confirm this address")
    page.goto("/accounts/profile/")
    expect(page.get_by_label("Timezone")).to_have_value("Europe/Zagreb")
    page.goto("/models/iris-species/?typical=1")
    predict(page)
    expect(page.locator("#result h2.value")).to_contain_text("Iris")


def test_a_forgotten_password_is_reset_by_the_mail_alone(site: Site, stranger: Arrive) -> None:
    email, password = "forgetful@example.com", PASSWORD
    page = stranger("phone")
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.click("main form button.btn-primary")
    page.wait_for_selector("header .avatar")
    page = stranger("phone")
    page.goto("/accounts/login/")
    page.click("text=Forgotten?")
    page.get_by_label("E-mail").fill(email)
    page.click("text=Send the link")
    expect(page.locator("h1")).to_have_text(re.compile("Check your inbox"))
    page.goto(link_in(letter_to(site, email, "Reset your password")))
    page.get_by_label("New password", exact=True).fill(f"{password} again")
    page.get_by_label("New password, again").fill(f"{password} again")
    page.click("text=Save the new password")
    expect(page.locator("main")).to_contain_text("You were signed out everywhere")
    page.click("main >> text=Sign in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(f"{password} again")
    page.click("main form button.btn-primary")
    page.wait_for_selector("header .avatar")


def test_a_superuser_hands_a_reset_link_over(site: Site, visit: Arrive) -> None:
    page = visit("superuser")
    page.goto("/admin/accounts/user/?q=user@example.com")
    page.locator("#result_list a", has_text=re.compile(r"^user@")).click()
    page.locator("#content a", has_text="Send password reset").click()
    page.click("main button.act, #content button.act")
    expect(page.locator("#link")).to_contain_text(site.url)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_superuser_adds_a_person_who_comes_in_by_the_link(
    visit: Arrive, stranger: Arrive, size: str
) -> None:
    email = f"tom-{size}@example.com"
    page = visit("superuser", size=size)
    page.goto("/admin/accounts/user/")
    page.click("text=Add a person")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Name").fill("Tom Horvat")
    page.get_by_label(re.compile("^Admin")).check()
    page.click("text=Add this person")
    expect(page.locator("h1")).to_have_text("One person is invited")
    link = page.get_by_label(email).input_value()
    page = stranger(size, timezone_id="Europe/Zagreb")
    page.goto(link)
    expect(page.get_by_label("E-mail")).to_have_value(email)
    expect(page.get_by_label("Name")).to_have_value("Tom Horvat")
    page.get_by_label("Password").press_sequentially(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("header .avatar")
    expect(page.locator("main")).to_contain_text("Your account is ready.")
    page.goto("/admin/")
    expect(page.locator("h1")).to_have_text("Admin")
    page = stranger(size)
    page.goto(link)
    expect(page.locator("main")).to_contain_text("This invitation was used already.")
