"""The real web server on the tests' database, and misbehaving clients."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.conf import settings
from django.db import connection
from django.test import Client

from accounts.models import User
from config.stack import processes
from config.stack.environment import REPOSITORY, Environment
from config.stack.servers import ports
from tests.clocks import PATIENCE_SECONDS, until

ESTABLISHED, CLOSE_WAIT = "01", "08"  # the states, as /proc/net/tcp writes them


@dataclass(frozen=True)
class Site:
    """A running web server."""

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.port}"

    def get(self, path: str, user: User | None = None) -> httpx.Response:
        """Return an answer over a connection of its own."""
        headers = {"Cookie": cookie_of(user)} if user else {}
        return httpx.get(self.url + path, headers=headers, timeout=PATIENCE_SECONDS)

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Open a connection that has sent this and no more, and takes little before it reads."""
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.settimeout(PATIENCE_SECONDS)
        made.connect((ports.LOOPBACK, self.port))
        made.sendall(sent)
        return made

    @contextmanager
    def hanging(self, sent: bytes, *, clients: int = 50) -> Iterator[list[socket.socket]]:
        """Yield so many clients that have sent this, and then neither send, read nor leave."""
        with ExitStack() as held:
            yield [held.enter_context(self.connect(sent)) for _ in range(clients)]

    def kept_on_disk(self) -> int:
        """Return the bytes in temporary files that its processes hold."""
        size = 0
        for pid in [self.process.pid, *children(self.process.pid)]:
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    is_gone = os.readlink(entry).endswith(" (deleted)")
                    size += entry.stat().st_size if is_gone else 0
                except OSError:
                    continue
        return size

    def connections(self) -> int:
        """Return how many connections it holds open."""
        found = 0
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            is_ours = local.endswith(f":{self.port:04X}") and state in {ESTABLISHED, CLOSE_WAIT}
            found += is_ours and inode != "0"
        return found


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in found.split()]


def cookie_of(user: User) -> str:
    """Return the cookie of a session of this person, who is signed in."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


def head(
    path: str,
    *headers: str,
    user: User | None = None,
    method: str = "POST",
    host: str = "localhost",
) -> bytes:
    """Return a request's first lines."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    if user:
        lines.append(f"Cookie: {cookie_of(user)}")
    return "\r\n".join([*lines, "", ""]).encode()


def answer_of(client: socket.socket) -> httpx.Response:
    """Return the first answer on a connection, to its end."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = client.recv(65536)
        assert more, f"the connection ended after {read!r}"
        read += more
    first, _, body = read.partition(b"\r\n\r\n")
    status, *lines = first.decode("latin-1").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    headers = httpx.Headers([(name, value) for name, value in pairs])
    while len(body) < int(headers.get("content-length", 0)):
        body += client.recv(65536)
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)


@contextmanager
def running_site(folder: Path, *arguments: str, **variables: str) -> Iterator[Site]:
    """Yield the web server as `manage.py up` starts it, with further arguments of gunicorn."""
    facts = connection.settings_dict
    account = f"{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}"
    port = ports.choose(taken=set())
    values = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{account}/{facts['NAME']}",
        "WEB_PORT": str(port),
        "SITE_URL": f"http://{ports.LOOPBACK}:{port}",
    }
    part = processes.web(Environment(folder, values, frozenset()))
    with (folder / "web.log").open("ab") as log:
        process = subprocess.Popen(
            [*part.argv, *arguments],
            cwd=REPOSITORY,
            env={
                **part.environment,
                "DJANGO_SETTINGS_MODULE": "config.settings_test",
                "TMPDIR": str(folder),
                **variables,
            },
            stdout=log,
            stderr=log,
        )
    site = Site(port, process)
    try:
        until(lambda: process.poll() is not None or _answers(site), "the web server to answer")
        assert process.poll() is None, (folder / "web.log").read_text()
        yield site
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _answers(site: Site) -> bool:
    try:
        return site.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
