"""Compression of pages; everything else is sent as it is.

BREACH (breachattack.com) reads a secret out of the lengths of compressed pages that hold both the
secret and text that an attacker chose. It is not possible here: the CSRF token is masked with a new
value in every page, session cookies are not sent with other sites' requests (SameSite), and
Django's middleware adds up to 100 random bytes to each page ("Heal the BREACH"). Files, exports and
model downloads stream as they are: compressing them would cost the web process time and lose the
length that browsers show progress by. Static files are compressed once, when they are collected.
"""

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class PageCompressionMiddleware(GZipMiddleware):
    """Django's gzip, for HTML alone."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if response.streaming or not is_page:
            return response
        return super().process_response(request, response)
