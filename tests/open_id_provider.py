"""A real OpenID provider over HTTP (`oidc-provider-mock`), whose answers can be replaced."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import oidc_provider_mock
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tests.clocks import PATIENCE_SECONDS

DISCOVERY, TOKEN, USERINFO = "/.well-known/openid-configuration", "/oauth2/token", "/userinfo"


class OpenIdProvider:
    """The peer. ``instead``: what it answers at a path instead of its own answer, which the
    function gets. ``asked``: the forms that came to the token endpoint."""

    def __init__(self) -> None:
        self.url = ""
        self.instead: dict[str, Callable[[Response], Response]] = {}
        self.asked: list[dict[str, str]] = []
        self._app: Any = oidc_provider_mock.app(require_nonce=True)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        if request.path == TOKEN:
            body = request.get_data()
            self.asked.append(dict(parse_qsl(body.decode())))
            environ["wsgi.input"] = io.BytesIO(body)
        answer = Response.from_app(self._app, environ, buffered=True)
        if changed := self.instead.get(request.path):
            answer = changed(answer)
        return answer(environ, start_response)

    def knows(self, subject: str, **claims: Any) -> None:
        """Keep what the provider says about a person from now on."""
        answer = httpx.put(f"{self.url}/users/{subject}", json=claims, timeout=PATIENCE_SECONDS)
        answer.raise_for_status()

    def lets_in(self, address: str, subject: str, **changed: str) -> str:
        """Sign the person in at the address that the site sent them to, with some of its
        parameters ``changed`` on the way; return where the provider sends them back to."""
        parts = urlsplit(address)
        query = urlencode(dict(parse_qsl(parts.query)) | changed)
        sent = httpx.post(
            parts._replace(query=query).geturl(), data={"sub": subject}, timeout=PATIENCE_SECONDS
        )
        return sent.headers["location"]

    def says(self, path: str, answer: object, status: int = 200) -> None:
        """Answer this at the path, JSON or a plain text."""
        text = answer if isinstance(answer, str) else json.dumps(answer)
        kind = "text/plain" if isinstance(answer, str) else "application/json"
        self.instead[path] = lambda _: Response(text, status, content_type=kind)

    def says_also(self, path: str, **changes: object) -> None:
        """Change members of its own JSON answer; None takes a member out."""

        def changed(own: Response) -> Response:
            members = json.loads(own.get_data()) | changes
            kept = {name: value for name, value in members.items() if value is not None}
            return Response(json.dumps(kept), own.status_code, content_type="application/json")

        self.instead[path] = changed

    def says_in_token(self, **changes: object) -> None:
        """Change claims of the ID token; None takes one out. Its signature does not fit then, which
        nobody asks for a token that comes over TLS from the provider itself."""

        def changed(own: Response) -> Response:
            members = json.loads(own.get_data())
            head, body, signature = members["id_token"].split(".")
            claims = json.loads(base64.urlsafe_b64decode(f"{body}==")) | changes
            kept = {name: value for name, value in claims.items() if value is not None}
            body = base64.urlsafe_b64encode(json.dumps(kept).encode()).decode().rstrip("=")
            members["id_token"] = f"{head}.{body}.{signature}"
            return Response(json.dumps(members), content_type="application/json")

        self.instead[TOKEN] = changed


def parameters(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@contextmanager
def running() -> Iterator[OpenIdProvider]:
    provider = OpenIdProvider()
    server = make_server("localhost", 0, provider, threaded=True)
    provider.url = f"http://localhost:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})  # until it stops
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def switched_on(settings: Any) -> Iterator[OpenIdProvider]:
    """Have the site use a provider that names groups, of which each decides something."""
    with running() as provider:
        settings.OIDC_ISSUER = provider.url
        settings.OIDC_CLIENT_ID = "plumbline"
        settings.OIDC_CLIENT_SECRET = "a secret of the client"
        settings.OIDC_NAME = "Example Corp"
        settings.OIDC_REQUIRED_GROUP = "plumbline"
        settings.OIDC_ADMIN_GROUP = "plumbline admins"
        settings.OIDC_SUPERUSER_GROUP = "plumbline superusers"
        yield provider
