"""The history in a browser: two predictions are found, compared, and downloaded as a PDF."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Arrive, predict, result_of
from tests.pdf_text import text_of


def predict_iris(page: Page, petal_length: str) -> str:
    """Predict with one other value; return the short ID of the prediction."""
    page.goto("/models/iris-species/?typical=1")
    page.get_by_label("Petal length").fill(petal_length)
    predict(page)
    result_of(page, re.compile("Iris"))
    return page.locator("#result a.mono").inner_text()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_two_predictions_are_compared_and_printed(
    newcomer: Arrive, size: str, tmp_path: Path
) -> None:
    page = newcomer(size)
    made = [predict_iris(page, "1.4"), predict_iris(page, "6")]
    page.click("header >> text=History")
    boxes = page.locator("tbody input[type=checkbox]")
    expect(boxes).to_have_count(2)
    boxes.nth(0).check()
    boxes.nth(1).check()
    expect(page.locator("#tray")).to_contain_text("2 selected")
    page.click("#tray >> text=Compare")
    expect(page.locator("h1")).to_have_text("Compare 2 predictions")
    expect(page.locator("td.changed").first).to_be_visible()
    with page.expect_download() as download:
        page.locator("button", has_text="PDF").click()
    file = tmp_path / "comparison.pdf"
    download.value.save_as(file)
    text = text_of(file.read_bytes())
    assert all(name in text for name in made)
    assert "Petal length" in text


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("scripts", [True, False])
def test_a_click_anywhere_in_a_row_of_the_history_or_the_latest_opens_the_prediction(
    visit: Arrive, size: str, scripts: bool
) -> None:
    page = visit("user", size=size, scripts=scripts)
    name = predict_iris(page, "4.7")
    for place in ("/history/", "/"):
        page.goto(place)
        row = page.locator("tbody time").first
        row.scroll_into_view_if_needed()
        when = row.bounding_box()  # without scripts, the link lies above it
        assert when
        page.mouse.click(when["x"] + 4, when["y"] + 4)
        expect(page.locator("#result a.mono")).to_have_text(name)
        assert page.url.endswith("#result")


def test_on_a_phone_a_prediction_opened_from_a_list_begins_at_its_answer(
    visit: Arrive,
) -> None:
    page = visit("user", size="phone")
    predict_iris(page, "4.7")
    for place in ("/history/", "/"):
        page.goto(place)
        page.locator("tbody a.main").first.click()
        expect(page.locator("#result h2.value")).to_be_in_viewport()


def test_in_a_row_of_the_history_boxes_are_ticked_text_is_selected_and_tabs_are_opened(
    newcomer: Arrive,
) -> None:
    page = newcomer()
    name = predict_iris(page, "4.7")
    page.goto("/history/")
    page.locator("tbody input[type=checkbox]").check()
    inputs = page.locator("tbody .c-in").bounding_box()
    assert inputs
    page.mouse.move(inputs["x"] + 12, inputs["y"] + 20)
    page.mouse.down()
    page.mouse.move(inputs["x"] + 90, inputs["y"] + 20, steps=3)
    page.mouse.up()
    assert page.evaluate("String(getSelection())").strip()
    page.locator("h1").click()
    for options in ({"button": "middle"}, {"modifiers": ["Control"]}):
        with page.context.expect_page() as opened:
            page.locator("tbody time").click(**options)
        expect(opened.value.locator("#result a.mono")).to_have_text(name)
    assert page.url.endswith("/history/")


def test_a_row_of_the_history_is_opened_by_the_keyboard(newcomer: Arrive) -> None:
    page = newcomer()
    name = predict_iris(page, "4.7")
    page.goto("/history/")
    page.locator("tbody input[type=checkbox]").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#result a.mono")).to_have_text(name)


def test_the_filters_of_the_history_fold_behind_a_button_on_a_phone_alone(
    visit: Arrive,
) -> None:
    predict_iris(visit("user"), "4.7")
    for size, is_folded in (("desktop", False), ("phone", True)):
        for scripts in (True, False):
            page = visit("user", size=size, scripts=scripts)
            page.goto("/history/?from=2026-01-01")
            expect(page.get_by_label("From")).to_be_visible(visible=not is_folded)
            if is_folded:
                page.locator("summary", has_text="Filters 1").click()
                expect(page.get_by_label("From")).to_be_visible()
