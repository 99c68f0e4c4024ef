import os
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
import weasyprint
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from config.limits import long_work
from config.pdf import document, process
from config.pdf.document import PdfNotMade, pdf_response, render_pdf
from config.pdf.process import PIECE, NothingMayBeFetched, OwnFonts, Refuses, cut_texts
from tests.pdf_text import text_of

PAGE = """{% extends "pdf/base.html" %}{% block content %}
<h1 data-footer="Northbank · P-0c7f55d1e8">{{ title }}</h1>{{ words }}{% endblock %}"""


@pytest.fixture
def page(tmp_path: Path, settings: Settings) -> str:
    """Return a document's template, found beside the product's own."""
    (tmp_path / "page.html").write_text(PAGE)
    (found,) = settings.TEMPLATES
    settings.TEMPLATES = [found | {"DIRS": [tmp_path, *found["DIRS"]]}]
    return "page.html"


def test_the_text_of_a_document_can_be_selected_in_every_alphabet(page: str) -> None:
    words = "Čeština ąž, 12 → −3 ▲ € 98.5 %"
    text = text_of(render_pdf(page, {"title": "Loan risk", "words": words}))
    assert "Loan risk" in text
    assert "".join(words.split()) in "".join(text.split())


def test_every_page_says_what_it_belongs_to_and_its_number(page: str) -> None:
    text = text_of(render_pdf(page, {"title": "Long", "words": "word " * 3000}))
    assert "Page 1 of 3" in text
    assert "Page 3 of 3" in text
    assert text.count("Northbank · P-0c7f55d1e8") == 3


def test_markup_in_a_label_stays_text(page: str) -> None:
    label = "<img src=file:///etc/passwd><style>*{display:none}</style>"
    text = text_of(render_pdf(page, {"title": label, "words": ""}))
    assert label in "".join(text.split("\n"))
    assert "root:" not in text


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "http://127.0.0.1:9/x.png",
        "https://example.com/x.png",
        "ftp://127.0.0.1/x",
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>",
        "own://static/vendor/geist-latin-wght-normal.woff2",
    ],
)
def test_nothing_is_fetched_whatever_a_document_asks_for(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(NothingMayBeFetched):
        Refuses().fetch(address)
    markup = f"""<link rel=stylesheet href="{address}"><img src="{address}"><p>Text</p>"""
    weasyprint.HTML(string=markup, url_fetcher=Refuses()).write_pdf()
    refusals = [record for record in caplog.records if "NothingMayBeFetched" in record.message]
    assert len(refusals) == 2


@pytest.mark.parametrize(
    "address",
    ["own://static/css/pdf.css", "file:///etc/passwd", "own://static/vendor/../../manage.py"],
)
def test_our_own_sheet_gets_its_two_fonts_and_nothing_else(address: str) -> None:
    fonts = OwnFonts([Path(str(finders.find(f"vendor/{font}"))) for font in document.FONTS])
    url = f"{process.OWN}../vendor/geist-latin-wght-normal.woff2"
    assert fonts.fetch(url).read(4) == b"wOF2"
    with pytest.raises(NothingMayBeFetched):
        fonts.fetch(address)


LABELS = [
    "L" * 20_000,
    ", ".join(["L" * 200] * 100),
    "some\u00a0words\u00a0" * 1_000,
    "L" * 150 + " words" * 3_000,
]


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label[-9:])
def test_the_work_for_a_long_label_grows_with_its_length(
    label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WeasyPrint lays out what is left of a text for each of its lines: the letters of all those
    rests are counted, which were 25 to 90 times the text's own where nobody cut it."""
    laid_out = 0
    split = weasyprint.layout.inline.split_first_line

    def counted(text: str, *rest: Any, **options: Any) -> Any:
        nonlocal laid_out
        laid_out += len(text)
        return split(text, *rest, **options)

    monkeypatch.setattr("weasyprint.layout.inline.split_first_line", counted)
    markup = f"<table><tr><td><p>{label}</p><td>{label}<b>and</b>{label}</table>"
    sheet = Path(str(finders.find("css/pdf.css")))
    assert process.document(markup, sheet, []).startswith(b"%PDF")
    assert len(label) < laid_out < 20 * len(label)


@given(st.lists(st.text("ab \u00a0\n", max_size=3 * PIECE), min_size=3, max_size=3))
def test_a_text_that_was_cut_reads_as_before(texts: list[str]) -> None:
    element, child = Element("p"), Element("b")
    element.append(child)
    element.text, child.text, child.tail = texts
    cut_texts(element)
    assert "".join(element.itertext()) == "".join(texts)
    assert all(len((one.text or "").strip()) <= PIECE for one in element.iter())


def answer(page: str, words: str = "") -> HttpResponse:
    return pdf_response(
        RequestFactory().get("/"), "a.pdf", page, {"title": "A", "words": words}, page="/history/"
    )


def test_a_document_that_takes_too_long_is_ended_and_says_so(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "SECONDS", 0.001)
    response = answer(page)
    assert (response.status_code, response["Retry-After"]) == (503, "60")
    assert "This PDF takes longer than" in response.content.decode()
    assert 'href="/history/"' in response.content.decode()


def test_a_process_that_reached_its_limits_is_no_error_of_the_site(
    page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in = tmp_path / "process.py"
    stand_in.write_text("import os; os.abort()")
    monkeypatch.setattr(document, "PROCESS", stand_in)
    with pytest.raises(PdfNotMade, match="more time or memory"):
        render_pdf(page, {"title": "A", "words": ""})


def test_whoever_finds_all_turns_taken_hears_so_at_once(page: str) -> None:
    for _ in range(long_work.AT_ONCE):
        assert long_work.turns.all.acquire(blocking=False)
    try:
        response = answer(page)
    finally:
        for _ in range(long_work.AT_ONCE):
            long_work.turns.all.release()
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "Other PDFs are being made right now." in response.content.decode()
    assert answer(page).status_code == 200


def test_whoever_waited_in_vain_leaves_the_line(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "WAIT_SECONDS", 0.001)
    with document._making:
        statuses = [answer(page).status_code for _ in range(2 * long_work.AT_ONCE)]
    assert set(statuses) == {503}
    assert answer(page).status_code == 200


def test_the_process_of_a_document_gets_no_credential(
    page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in = tmp_path / "process.py"
    stand_in.write_text("import os, sys; sys.stdout.write(' '.join(os.environ))")
    monkeypatch.setattr(document, "PROCESS", stand_in)
    names = set(render_pdf(page, {"title": "A", "words": ""}).decode().split())
    assert "DATABASE_URL" in os.environ
    assert names <= document.KEPT_VARIABLES | {"LC_ALL", "LC_CTYPE"}
