"""The history in a browser: two predictions are found, compared, and downloaded as a PDF."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Arrive, keep, predict, result_of
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
    keep(page, f"history-{size}")
    page.click("#tray >> text=Compare")
    expect(page.locator("h1")).to_have_text("Compare 2 predictions")
    expect(page.locator("td.changed").first).to_be_visible()
    keep(page, f"compare-{size}")
    with page.expect_download() as download:
        page.locator("button", has_text="PDF").click()
    file = tmp_path / "comparison.pdf"
    download.value.save_as(file)
    text = text_of(file.read_bytes())
    assert all(name in text for name in made)
    assert "Petal length" in text


def test_a_prediction_opens_from_the_history(newcomer: Arrive) -> None:
    page = newcomer()
    name = predict_iris(page, "4.7")
    page.click("header >> text=History")
    page.locator("tbody a").first.click()
    expect(page.locator("#result a.mono")).to_have_text(name)
