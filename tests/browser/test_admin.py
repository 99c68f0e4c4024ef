"""The admin's way of a model file to production and back, by the pages alone."""

import random
from pathlib import Path

import joblib
import pandas as pd
import pytest
from playwright.sync_api import Page, expect
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models_registry.admin.version_page import TABS
from tests.browser.conftest import Arrive, predict

UNHINDERED = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


def flats(file: Path, price: float) -> float:
    """Train a model of flats' prices; return what it says of three rooms and 70 square metres."""
    frame = pd.DataFrame({"rooms": [1.0, 2.0, 3.0, 4.0], "area": [30.0, 55.0, 70.0, 110.0]})
    model = make_pipeline(StandardScaler(), LinearRegression())
    model.fit(frame, frame["rooms"] * price + frame["area"])
    model.training_notes_ = random.Random(price).randbytes(80_000)  # so that its upload takes time
    joblib.dump(model, file)
    return float(model.predict(pd.DataFrame([{"rooms": 3.0, "area": 70.0}]))[0])


def upload(page: Page, file: Path) -> None:
    """Upload over a connection that hardly moves until the bar is seen; await the inspection."""
    page.click("text=Upload a version")
    page.set_input_files("input[name=file]", file)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", UNHINDERED | {"uploadThroughput": 1_000})
    page.click("text=Upload and inspect")
    expect(page.locator("progress")).to_be_visible()
    expect(page.locator("[data-words]")).to_contain_text("%")
    session.send("Network.emulateNetworkConditions", UNHINDERED)
    expect(page.locator(".checks .check")).to_contain_text("on a typical row")
    expect(page.locator(".checks")).to_contain_text("9 checks passed")
    session.detach()


def try_and_ask_for(page: Page, words: str, *, case: str, without: str = "") -> None:
    """Test the version, keep the test as a case, drop the one it took over that no longer holds,
    and fill the promotion's form."""
    version = page.url
    page.locator(".path-next").get_by_text("Run a test").click()
    page.click("text=Run the test")
    page.get_by_role("link", name="Save as case").click()
    page.get_by_label("Name").fill(case)
    page.click("text=Save the case")
    expect(page.locator("table.cases")).to_contain_text(case)
    if without:
        page.get_by_role("link", name=f"Delete {without}", exact=True).click()
        page.get_by_role("button", name="Delete").click()
        expect(page.locator("table.cases")).not_to_contain_text(without)
    page.goto(version)
    page.locator(".path-next").get_by_text("Promote to Production").click()
    page.fill("textarea[name=text]", words)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_an_admin_brings_a_file_to_production_and_rolls_back(
    visit: Arrive, tmp_path: Path, size: str
) -> None:
    name = f"Flat prices {size}"
    expected = flats(tmp_path / "flats.joblib", 90.0)
    page = visit("admin", size=size)
    page.goto("/admin/models_registry/registeredmodel/add/")
    page.fill("input[name=name]", name)
    page.click("input[name=_continue]")
    upload(page, tmp_path / "flats.joblib")
    version = page.url
    page.locator(".actions-row").get_by_text("Edit inputs").click()
    page.goto(version)
    page.locator(".actions-row").get_by_text("Preview").click()
    page.goto(version)
    try_and_ask_for(page, "The first version, from four flats.", case="Three rooms")
    page.click("text=Promote v1 to production")
    expect(page.locator(".messagelist")).to_contain_text(f"{name} v1 is live")
    flats(tmp_path / "dearer.joblib", 180.0)
    page.locator(".breadcrumbs").get_by_text(name, exact=True).click()
    upload(page, tmp_path / "dearer.joblib")
    try_and_ask_for(page, "Dearer since the new tram.", case="Dearer", without="Three rooms")
    page.click("text=Promote v2 to production")
    expect(page.locator(".messagelist")).to_contain_text(f"{name} v2 is live")
    page.goto(version)
    page.locator(".path-next").get_by_text("Make active again").click()
    page.click("text=Check v1 now")
    page.fill("[name=reason]", "The new prices are too high.")
    page.locator("button.go", has_text="active again").click()
    expect(page.locator(".messagelist")).to_contain_text("is live again")
    page.goto(f"/models/{name.lower().replace(' ', '-')}/")
    page.get_by_label("Rooms").fill("3")
    page.get_by_label("Area").fill("70")
    predict(page)
    expect(page.locator("#result h2.value")).to_have_text(f"{expected:.4g}")


DROPPED = """(files) => {
  const dropped = new DataTransfer();
  for (const [name, text] of files) dropped.items.add(new File([text], name));
  const options = {bubbles: true, cancelable: true, dataTransfer: dropped};
  document.querySelector("h1").dispatchEvent(new DragEvent("dragover", options));
  document.querySelector("h1").dispatchEvent(new DragEvent("drop", options));
}"""
CHOSEN = """() => ["file", "config", "reference"].map(
  (name) => document.querySelector(`[name=${name}]`).files[0]?.name ?? "")"""


def test_files_that_are_dropped_on_the_upload_go_to_the_fields_of_their_kinds(
    visit: Arrive,
) -> None:
    page = visit("admin")
    page.goto("/admin/models_registry/registeredmodel/")
    page.click("text=Iris species")
    page.click("text=Upload a version")
    expect(page.get_by_text("Drop the model file anywhere on this page")).to_be_visible()
    expect(page.get_by_label("Target column")).to_be_hidden()

    page.evaluate(DROPPED, [["rows.CSV", "a"], ["iris.yml", "a: 1"], ["iris.joblib", "model"]])

    assert page.evaluate(CHOSEN) == ["iris.joblib", "iris.yml", "rows.CSV"]
    expect(page.get_by_label("Target column")).to_be_visible()

    page.evaluate(DROPPED, [["other.json", "{}"], ["another.yaml", "a: 1"]])

    expect(page.locator("[data-trouble]")).to_contain_text("belong to the same field")
    assert page.evaluate(CHOSEN) == ["iris.joblib", "iris.yml", "rows.CSV"]

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    assert chooser.value.is_multiple()


def test_an_upload_of_somebody_who_is_not_signed_in_any_more_is_refused_in_words(
    visit: Arrive, tmp_path: Path
) -> None:
    page = visit("admin")
    page.goto("/admin/models_registry/registeredmodel/")
    page.click("text=Iris species")
    page.click("text=Upload a version")
    flats(tmp_path / "flats.joblib", 90.0)
    page.set_input_files("input[name=file]", tmp_path / "flats.joblib")
    page.context.clear_cookies(name="sessionid")
    page.click("text=Upload and inspect")
    expect(page.locator("[data-trouble]")).to_contain_text("Sign in to send as much as this")


# What overlaps, breaks in the middle of a word, or stands beside a label it does not belong to.
CROWDED = """() => {
  const content = document.getElementById("content");
  const seen = (e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true})
    && !e.closest(".visually-hidden") && e.getBoundingClientRect().width > 1;
  const pressed = ".act, button, select, textarea, input:not([type=checkbox], [type=radio])";
  const boxes = [...content.querySelectorAll(pressed)].filter(seen)
    .map((e) => [e.innerText || e.name, e.getBoundingClientRect()]);
  const overlapping = boxes.flatMap(([one, a], i) => boxes.slice(i + 1)
    .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1
      && a.top < b.bottom - 1 && b.top < a.bottom - 1)
    .map(([other]) => `${one} overlaps ${other}`));
  const broken = [];
  for (const cell of [...content.querySelectorAll("th, td")].filter(seen)) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      if (!seen(text.parentElement) || text.parentElement.closest(".mono")) continue;
      for (const word of text.data.matchAll(/\\p{L}{2,16}/gu)) {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        const tops = new Set([...range.getClientRects()].map((r) => Math.round(r.top)));
        if (tops.size > 1) broken.push(`${word[0]} breaks`);
      }
    }
  }
  const apart = [...content.querySelectorAll(".form-check")].filter(seen).filter((choice) => {
    const circle = choice.querySelector("input").getBoundingClientRect();
    const words = document.createRange();
    words.selectNodeContents(choice.querySelector("label"));
    const text = words.getBoundingClientRect();
    const middle = (circle.top + circle.bottom) / 2;
    return middle < text.top || middle > text.bottom || text.left < circle.right;
  }).map((choice) => `${choice.innerText} is not beside its circle`);
  return [...overlapping, ...broken, ...apart];
}"""


def test_us_8_5_1_nothing_on_the_pages_of_a_version_overlaps_or_breaks_on_a_phone(
    visit: Arrive,
) -> None:
    page = visit("admin", size="phone")
    page.goto("/admin/models_registry/registeredmodel/")
    page.click("text=Loan repayment")
    model = page.url.partition("/change/")[0]
    page.get_by_role("link", name="Details").last.click()
    version = page.url.partition("/change/")[0]
    pk = version.rpartition("/")[2]
    runs = f"/admin/executions/execution/test/{pk}"
    parts = [f"{version}/change/?tab={one}" for one in TABS]
    pages = ["card", "inputs", "reference", "duplicate", "verify", "rollback"]
    addresses = [
        *parts,
        *(f"{version}/{one}/" for one in pages),
        *(f"{model}/{one}/" for one in ("change", "upload", "compare", "retire")),
        f"{runs}/",
        f"{runs}/cases/import/",
        f"/admin/executions/execution/preview/{pk}/",
        f"/admin/executions/execution/runtime/{pk}/",
    ]
    wrong = []
    for address in addresses:
        page.goto(address)
        wrong += [f"{address}: {said}" for said in page.evaluate(CROWDED)]
    page.goto(parts[1])
    page.get_by_role("link", name="All tests of this version").click()
    page.locator("#content table a[href*='/change/']").first.click()
    run = page.url.partition("/change/")[0].rpartition("/")[2]
    page.goto(f"{runs}/?run={run}")
    expect(page.locator("#outcome-h")).to_be_visible()
    wrong += [f"a test: {said}" for said in page.evaluate(CROWDED)]
    assert wrong == []
