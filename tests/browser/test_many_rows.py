"""Many rows in a browser: a file is brought, read, checked, run, and its results taken away."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from tests.browser.conftest import Arrive, Site

ROWS = 1_000
ILL = {10: 230, 500: 17, 999: 101}
"""The row below the names, and the age that it has."""
DROPPED = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name));
  const options = {bubbles: true, cancelable: true, dataTransfer: dropped};
  for (const kind of ["dragenter", "dragover", "drop"])
    document.querySelector("h1").dispatchEvent(new DragEvent(kind, options));
}"""
TITLES = [
    "Kunde", "Age", "Annual income", "Time in current job", "Employment", "Owns a home", "Betrag",
    "Term", "Interest rate", "Purpose", "Missed payments", "Has defaulted before",
]  # fmt: skip
IRIS = (
    ("Beet", "Sepal length", "Sepal width", "Petal length", "Petal width"),
    ("Nord 1", "5,1", "3,5", "1,4", "0,2"),
    ("Nord 2", "6,7", "3,0", "5,2", "2,3"),
    ("Süd 1", "5,9", "3,0", "viel", "1,5"),
    ("Süd 2", "5,8", "2,7", "4,1", "1,0"),
)


def applicant(number: int) -> list[Any]:
    """Return the cells of one case: numbers as numbers, two columns as texts with a decimal comma,
    as a German export has them."""
    return [
        f"Müller & Söhne {number:04d}",
        ILL.get(number, 20 + number % 60),
        24_500 + 37.5 * number,
        f"{number % 30},5",
        ("Employed", "self_employed", "Public service")[number % 3],
        number % 2 == 0,
        1_000 + 20 * number,
        (36, 60)[number % 2],
        f"{4 + number % 7},25",
        ("Car", "Home improvement")[number % 2],
        number % 4,
        number % 9 == 0,
    ]


def german_workbook() -> bytes:
    into = io.BytesIO()
    with xlsxwriter.Workbook(into) as book:
        money = book.add_format({"num_format": "#,##0.00 [$€-407]"})
        sheet = book.add_worksheet("Anträge")
        sheet.write_row(0, 0, TITLES)
        for number in range(1, ROWS + 1):
            sheet.write_row(number, 0, applicant(number))
            sheet.write_number(number, 6, 1_000 + 20 * number, money)
    return into.getvalue()


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words).click()


def bring(page: Page, size: str, name: str, content: bytes) -> None:
    """Bring a file as this size does: dropped on the page, or chosen."""
    if size == "desktop":
        page.evaluate(DROPPED, [name, base64.b64encode(content).decode()])
        expect(page.locator("[data-chosen]")).to_have_text(f"Chosen: {name}")
    else:
        page.locator("[name=file]").set_input_files(
            {"name": name, "mimeType": "", "buffer": content}
        )
    press(page, "See how it is read")


def saved(page: Page, words: str, folder: Path) -> Path:
    """Save what the button or link with these words downloads."""
    with page.expect_download() as download:
        page.get_by_text(words, exact=True).click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def sheet_of(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a workbook's first sheet by the names in its first row."""
    names, *rows = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
    return [dict(zip(map(str, names), row, strict=True)) for row in rows]


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_german_spreadsheet_comes_back_with_an_answer_in_each_row(
    newcomer: Arrive, tmp_path: Path, size: str
) -> None:
    page = newcomer(size)
    page.goto("/models/loan-repayment/")
    page.click("text=Many rows")
    bring(page, size, "Kreditanträge.xlsx", german_workbook())
    expect(page.locator("main")).to_contain_text("No column is chosen for Amount")
    expect(page.locator("main")).to_contain_text("can only have a decimal comma")
    expect(page.get_by_label("What is Kunde?")).to_have_value("=")
    page.get_by_label("What is Betrag?").select_option("Amount")
    press(page, "Check the rows")
    expect(page.locator("#verdict-h")).to_have_text("997 ready · 3 with problems")
    expect(page.locator("main")).to_contain_text("230 is too high")
    ill = sheet_of(saved(page, "Rows with problems as XLSX", tmp_path))
    assert [row["Kunde"] for row in ill] == [applicant(number)[0] for number in ILL]
    assert ill[0]["problem"].startswith("Age: 230 is too high.")
    press(page, "Run 997 rows")
    expect(page.locator("main")).to_contain_text("Every row has an answer.")  # nobody reloads
    expect(page.locator("main")).to_contain_text("3 rows of the file had problems and were not run")
    found = sheet_of(saved(page, "Download XLSX", tmp_path))
    ran = [number for number in range(1, ROWS + 1) if number not in ILL]
    assert [row["Kunde"] for row in found] == [applicant(number)[0] for number in ran]
    assert [row["Interest rate"] for row in found] == [4.25 + number % 7 for number in ran]
    assert {row["prediction_label"] for row in found} == {"Likely to repay", "Likely to default"}
    assert all(0.5 <= row["confidence"] <= 1 for row in found)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_cells_that_are_pasted_from_a_spreadsheet_are_run_like_a_file(
    newcomer: Arrive, tmp_path: Path, size: str
) -> None:
    page = newcomer(size)
    page.goto("/models/iris-species/rows/")
    page.get_by_label("Or paste cells").fill("\n".join("\t".join(row) for row in IRIS))
    press(page, "See how it is read")
    expect(page.locator("main")).to_contain_text("4 inputs found · 1 given back unchanged")
    press(page, "Check the rows")
    expect(page.locator("#verdict-h")).to_have_text("3 ready · 1 with problems")
    expect(page.locator("tbody")).to_contain_text("viel")
    press(page, "Run 3 rows")
    expect(page.locator("main")).to_contain_text("Every row has an answer.")
    found = sheet_of(saved(page, "Download XLSX", tmp_path))
    assert [row["Beet"] for row in found] == ["Nord 1", "Nord 2", "Süd 2"]
    assert found[0]["prediction_label"] == "Iris setosa"


def test_without_scripts_a_file_is_chosen_read_checked_run_and_taken_away(
    newcomer: Arrive, tmp_path: Path
) -> None:
    page = newcomer(scripts=False)
    page.goto("/models/iris-species/rows/")
    content = "\r\n".join(";".join(row) for row in IRIS).encode("cp1252")
    page.locator("[name=file]").set_input_files(
        {"name": "Beete.csv", "mimeType": "text/csv", "buffer": content}
    )
    press(page, "See how it is read")
    expect(page.get_by_label("Encoding")).to_have_value("cp1252")
    expect(page.get_by_label("Between cells")).to_have_value(";")
    press(page, "Check the rows")
    expect(page.locator("#verdict-h")).to_have_text("3 ready · 1 with problems")
    press(page, "Run 3 rows")
    expect(page.locator("main")).to_contain_text("Every row has an answer.")
    lines = saved(page, "Download CSV", tmp_path).read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("Beet,Sepal length,")
    assert [line.partition(",")[0] for line in lines[1:]] == ["Nord 1", "Nord 2", "Süd 2"]
    assert "Iris setosa" in lines[1]


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_batch_that_runs_is_canceled_and_keeps_what_is_done(
    site: Site, newcomer: Arrive, size: str
) -> None:
    email = f"many-{size}@example.com"
    page = newcomer(size, email=email)
    page.goto(site.rows("running_batch", email))
    expect(page.locator("#batch-status")).to_contain_text("2 of 4 rows")
    press(page, "Cancel, and keep what is done")
    expect(page.locator("#batch-status")).to_contain_text("The rows that were done are kept.")
    rows = page.locator("#rows tbody tr")
    expect(rows.nth(1)).to_contain_text("Iris setosa")
    expect(rows.nth(2)).to_contain_text("Not computed")
