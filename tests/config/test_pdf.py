from pathlib import Path

import pytest
import weasyprint
from pytest_django.fixtures import Settings

from config import pdf
from config.pdf import NothingMayBeFetched, OwnFonts, Refuses, render_pdf
from tests.pdf_text import text_of

PAGE = """{% extends "pdf/base.html" %}{% block content %}
<h1 data-footer="Northbank · P-0c7f55d1e8">{{ title }}</h1>{{ words }}{% endblock %}"""


@pytest.fixture
def page(tmp_path: Path, settings: Settings) -> str:
    """A document's template, found beside the product's own."""
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
    assert OwnFonts().fetch(f"{pdf.OWN}../vendor/geist-latin-wght-normal.woff2").read(4) == b"wOF2"
    with pytest.raises(NothingMayBeFetched):
        OwnFonts().fetch(address)
