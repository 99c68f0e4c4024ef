"""The product without JavaScript: everything a person needs still works."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Arrive, predict, result_of


def test_without_scripts_form_result_history_comparison_and_presets_work(
    newcomer: Arrive,
) -> None:
    page = newcomer(scripts=False)
    for petal in ("1.4", "6"):
        page.goto("/models/iris-species/?typical=1")
        page.get_by_label("Petal length").fill(petal)
        predict(page)
        result_of(page, re.compile("Iris"))
    page.click("header >> text=History")
    page.get_by_label("Search", exact=True).fill("petal_length>5")
    page.locator("main form button", has_text="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.click("text=Clear all")
    for box in page.locator("tbody input[type=checkbox]").all():
        box.check()
    page.locator("#tray button", has_text="Compare").click()
    expect(page.locator("h1")).to_have_text("Compare 2 predictions")
    page.goto("/models/iris-species/?typical=1")
    page.locator("summary", has_text="Presets").click()
    page.get_by_role("button", name="Save the current values as a preset").click()
    page.get_by_label("Name").fill("As typical")
    page.click("text=Save the preset")
    page.goto("/presets/?model=iris-species")
    page.get_by_label("Load As typical").click()
    expect(page.get_by_label("Petal length")).not_to_have_value("")
