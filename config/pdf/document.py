"""Pages as PDF, A4, each made by WeasyPrint in a process of its own that can be ended.

Templates are ordinary Django templates over `pdf/base.html`; `static/css/pdf.css` is the whole
sheet. Text stays selectable, with embedded fonts. The content may come from untrusted model files,
so the process has no credentials and a deadline, and few run at a time; a request that finds all of
them busy is refused instead of blocking a thread of the web server.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import content_disposition_header

from config.limits import long_work
from config.text.plain_text import settled

logger = logging.getLogger(__name__)

PROCESS = Path(__file__).with_name("process.py")
FONTS = ("geist-latin-wght-normal.woff2", "geist-latin-ext-wght-normal.woff2")
SECONDS = 30.0
"""The seconds that one document may take; its process ends itself after 15 s of processor time."""
WAIT_SECONDS = 3.0
AT_ONCE = 1
KEPT_VARIABLES = frozenset(
    {
        *("HOME", "XDG_CACHE_HOME", "FONTCONFIG_FILE", "FONTCONFIG_PATH"),
        *("LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
    }
)
"""The variables with the paths of fonts and Pango; the process gets no others."""

_making = BoundedSemaphore(AT_ONCE)


class PdfNotMade(Exception):
    """The document could not be made. The message says why, for the person who requested it."""

    def __init__(self, message: str, *, retry_seconds: int) -> None:
        super().__init__(message)
        self.message = message
        self.retry_seconds = retry_seconds


def pdf_response(
    request: HttpRequest,
    file_name: str,
    template: str,
    context: Mapping[str, Any],
    *,
    page: str,
    is_shown: bool = False,
) -> HttpResponse:
    """Return the document as a download, or in the browser where ``is_shown``; 503 with the reason
    where there is none now. ``page`` is where the person came from."""
    try:
        content = render_pdf(template, context)
    except PdfNotMade as error:
        logger.warning("pdf_not_made template=%s retry=%d", template, error.retry_seconds)
        said = {"message": error.message, "page": page}
        refusal = render(request, "503.html", said, status=503)
        refusal["Retry-After"] = str(error.retry_seconds)
        return refusal
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": content_disposition_header(not is_shown, file_name)},
    )


def render_pdf(template: str, context: Mapping[str, Any]) -> bytes:
    """Render the template as an A4 document. ``context`` is autoescaped, as on a page; times are in
    the active timezone. Raises PdfNotMade."""
    markup = settled(render_to_string(template, {"site_name": settings.SITE_NAME, **context}))
    with _turn():
        return _made(markup)


@contextmanager
def _turn() -> Iterator[None]:
    """Wait briefly for a free slot to make a document. Raises PdfNotMade."""
    busy = PdfNotMade("Other PDFs are being made right now.", retry_seconds=5)
    turns = long_work.turns.all
    if not turns.acquire(blocking=False):
        raise busy
    try:
        if not _making.acquire(timeout=WAIT_SECONDS):
            raise busy
        try:
            yield
        finally:
            _making.release()
    finally:
        turns.release()


def _made(markup: str) -> bytes:
    files = [finders.find("css/pdf.css"), *(finders.find(f"vendor/{font}") for font in FONTS)]
    assert all(files), "static/css/pdf.css and its fonts belong to the product"
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(PROCESS), *map(str, files)],
            input=markup.encode(errors="replace"),
            capture_output=True,
            env={name: value for name, value in os.environ.items() if name in KEPT_VARIABLES}
            | {"LC_ALL": "C.UTF-8"},
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PdfNotMade(
            f"This PDF takes longer than {SECONDS:g} s, so it was stopped.", retry_seconds=60
        ) from None
    if done.returncode < 0:  # ended at a limit
        raise PdfNotMade("This PDF needs more time or memory than one may take.", retry_seconds=60)
    if done.returncode:
        raise RuntimeError(f"No PDF: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout
