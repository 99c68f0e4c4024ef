"""The process that makes one PDF and ends: markup on its standard input, the document on its
standard output.

Started by `document.py` as a file, not as a module of this package, so that it loads neither
settings nor credentials: ``process.py SHEET FONT…``. It fetches nothing, lays out every text in
time that grows with its length, and ends by itself at its limits.
"""

import os
import re
import resource
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import weasyprint
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

CPU_SECONDS = 15
"""Seconds of processor time, so that no honest document, which takes one, is ended on a busy
machine."""
MEMORY_BYTES = 1024**3
OWN = "own://static/css/"
"""The base URL of our style sheet; its scheme cannot be opened."""
PIECE = 200
_PIECES = re.compile(rf"(?s).{{1,{PIECE}}}(?:\s+|$)|.{{{PIECE}}}")
_NOT_CUT = frozenset({"svg", "style", "title", "script"})


class NothingMayBeFetched(ValueError):
    """A document referred to something outside itself."""


class Refuses(URLFetcher):  # type: ignore[misc]
    """The fetcher that refuses every URL, whatever its scheme: a document contains everything it
    shows."""

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        raise NothingMayBeFetched("A PDF shows nothing from outside its own text.")


class OwnFonts(Refuses):
    """For our own sheet alone: the font files that it was given, by name."""

    def __init__(self, fonts: Sequence[Path]) -> None:
        super().__init__()
        self.fonts = {font.name: font for font in fonts}

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        font = self.fonts.get(Path(urlsplit(url).path).name)
        if font is None:
            return super().fetch(url, headers)
        return URLFetcherResponse(url, font.read_bytes())


def document(markup: str, sheet: Path, fonts: Sequence[Path]) -> bytes:
    """Render the markup as an A4 document with our style sheet and fonts."""
    configuration = FontConfiguration()
    css = weasyprint.CSS(
        string=sheet.read_text(encoding="utf-8"),
        base_url=OWN,
        font_config=configuration,
        url_fetcher=OwnFonts(fonts),
    )
    page = weasyprint.HTML(string=markup, url_fetcher=Refuses())
    cut_texts(page.etree_element)
    return bytes(page.write_pdf(stylesheets=[css], font_config=configuration))


def cut_texts(element: Element) -> None:
    """Cut long texts into elements of at most ``PIECE`` letters, at spaces where there are some.

    WeasyPrint lays out the whole rest of a text again for every line of it that holds a long word:
    20,000 letters took 6 s, a hundred labels of 200 letters in one paragraph 5 s.
    """
    if element.tag.rpartition("}")[2] in _NOT_CUT:
        return
    for place, child in reversed(list(enumerate(element))):
        cut_texts(child)
        if child.tail and len(child.tail) > PIECE:
            element[place + 1 : place + 1] = _pieces(child.tail)
            child.tail = None
    if element.text and len(element.text) > PIECE:
        element[0:0] = _pieces(element.text)
        element.text = None


def _pieces(text: str) -> list[Element]:
    pieces = []
    for words in _PIECES.findall(text):
        piece = Element("span")
        piece.text = words
        pieces.append(piece)
    return pieces


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sheet, *fonts = map(Path, sys.argv[1:])
    try:
        made = document(sys.stdin.buffer.read().decode(), sheet, fonts)
    except MemoryError:
        os.abort()  # as a limit of the system ends it
    except Exception as error:
        # Where it failed, without what it says: its words may be somebody's inputs.
        sys.stderr.write("".join(traceback.format_tb(error.__traceback__)) + type(error).__name__)
        sys.exit(1)
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
