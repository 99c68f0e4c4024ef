"""Pages as PDF, A4, by WeasyPrint, without a way out: no network, no file.

Templates are ordinary Django templates over `pdf/base.html`; `static/css/pdf.css` is the whole
sheet. Text stays text: selectable, its fonts embedded.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import weasyprint
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

FONTS = frozenset({"geist-latin-wght-normal.woff2", "geist-latin-ext-wght-normal.woff2"})
OWN = "own://static/css/"
"""Where our sheet says it is; no scheme that anything could open."""

_one_at_a_time = Lock()  # the fonts are Pango's, which are not made for two threads


class NothingMayBeFetched(ValueError):
    """A document named something outside itself."""


class Refuses(URLFetcher):  # type: ignore[misc]
    """Refuses every address, whatever its scheme: a document holds all that it shows."""

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        raise NothingMayBeFetched("A PDF shows nothing from outside its own text.")


class OwnFonts(Refuses):
    """For our own sheet alone: the two font files beside it, by name."""

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        name = Path(urlsplit(url).path).name
        found = finders.find(f"vendor/{name}") if name in FONTS else None
        if found is None:
            return super().fetch(url, headers)
        return URLFetcherResponse(url, Path(found).read_bytes())


@lru_cache(maxsize=1)
def _sheet() -> tuple[weasyprint.CSS, FontConfiguration]:
    """Our sheet and its fonts, read once a process."""
    fonts = FontConfiguration()
    path = finders.find("css/pdf.css")
    assert path is not None, "static/css/pdf.css belongs to the product"
    text = Path(path).read_text(encoding="utf-8")
    return (
        weasyprint.CSS(string=text, base_url=OWN, font_config=fonts, url_fetcher=OwnFonts()),
        fonts,
    )


def render_pdf(template: str, context: Mapping[str, Any]) -> bytes:
    """The template as an A4 document. ``context`` is autoescaped, as on a page; times are in the
    active timezone. The first rendering of a process reads the fonts, which takes longer."""
    text = render_to_string(template, {"site_name": settings.SITE_NAME, **context})
    page = weasyprint.HTML(string=text, url_fetcher=Refuses())
    with _one_at_a_time:
        sheet, fonts = _sheet()
        return bytes(page.write_pdf(stylesheets=[sheet], font_config=fonts))
