"""Presets in a browser: saved from a result, loaded into the form, deleted and restored."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive, predict, result_of


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_preset_is_saved_loaded_deleted_and_brought_back(newcomer: Arrive, size: str) -> None:
    page = newcomer(size)
    page.goto("/models/iris-species/?typical=1")
    page.get_by_label("Petal length").fill("5.5")
    predict(page)
    result_of(page, re.compile("Iris"))
    page.locator("#result").get_by_text("Save as preset").click()
    page.get_by_label("Save the current values as").fill("A long petal")
    page.locator("#presets").get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#presets")).to_contain_text("is saved")
    page.goto("/models/iris-species/")
    page.locator("summary", has_text="Presets").click()
    page.locator("button.menu-item", has_text="A long petal").click()
    expect(page.get_by_label("Petal length")).to_have_value("5.5")
    page.goto("/presets/?model=iris-species")
    page.get_by_label("Delete A long petal").click()
    expect(page.locator(".tray")).to_contain_text("deleted")
    page.click(".tray >> text=Undo")
    expect(page.locator("tbody")).to_contain_text("A long petal")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_preset_is_named_in_place_and_the_answer_stays(newcomer: Arrive, size: str) -> None:
    page = newcomer(size)
    page.goto("/models/iris-species/?typical=1")
    predict(page)
    result_of(page, re.compile("Iris"))
    address = page.url
    page.locator("#result").get_by_text("Save as preset").click()
    name = page.get_by_label("Save the current values as")
    expect(name).to_be_focused()
    name.fill("Everyday")
    name.press("Enter")
    expect(page.locator("#presets")).to_contain_text("“Everyday” is saved.")
    expect(page).to_have_url(address)
    name.fill("everyday")
    name.press("Enter")
    expect(page.locator("#presets")).to_contain_text("You have a preset called “Everyday”")
    page.locator("#presets").get_by_text("Replace it").click()
    expect(page.locator("#presets")).to_contain_text("“everyday” is saved.")
    page.keyboard.press("Escape")
    expect(name).to_be_hidden()
