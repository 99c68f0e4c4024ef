"""The environment variables of the settings: generated once into `.stack/env`, then kept.

Real environment variables override the file. A server whose variable is set in the real environment
is the person's own: it is not started, and the file's values for it are left out.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config.stack.errors import StackError
from config.stack.servers import ports

REPOSITORY = Path(__file__).resolve().parents[2]

# For each server: the variables that make it the person's own where one is really set, and the
# file's variables that are then left out.
OWNED_BY = {
    "postgres": ("DATABASE_URL",),
    "redis": ("REDIS_URL",),
    "s3": ("AWS_S3_ENDPOINT_URL", "AWS_STORAGE_BUCKET_NAME"),
    "prefect": ("PREFECT_API_URL",),
}
LEFT_OUT = {
    **OWNED_BY,
    "s3": (
        "AWS_S3_ENDPOINT_URL",
        "AWS_STORAGE_BUCKET_NAME",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ),
    "prefect": (
        "PREFECT_API_URL",
        "PREFECT_API_AUTH_STRING",
        "PREFECT_API_DATABASE_CONNECTION_URL",
    ),
}
URLS = ("SITE_URL", "DATABASE_URL", "REDIS_URL", "AWS_S3_ENDPOINT_URL", "PREFECT_API_URL")
HEADER = """\
# Written by `manage.py up`; the settings read it where DATABASE_URL is not set. Keep it private:
# it opens this stack's data. Real environment variables win over every line.
"""


@dataclass(frozen=True)
class Environment:
    """The environment of a stack: its folder, every variable, and which servers are the person's
    own."""

    folder: Path
    values: Mapping[str, str]
    own: frozenset[str]

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    @property
    def is_demo(self) -> bool:
        """Whether this stack creates demo accounts and models."""
        return self.values.get("DEMO", "").lower() in {"true", "yes", "on", "1"}

    def port(self, name: str) -> int:
        """Return the port in the URL that the variable `name` holds."""
        return urlsplit(self.values[name]).port or 0

    def address(self, name: str) -> str:
        """Return host, port and path of the URL that the variable `name` holds, without its
        secrets."""
        url = urlsplit(self.values[name])
        return url.netloc.rpartition("@")[2] + url.path

    def ports(self) -> set[int]:
        """Return the ports of every server that the file names."""
        return {self.port(name) for name in URLS if name in self.values}

    def password(self, name: str) -> str:
        return urlsplit(self.values[name]).password or ""


def folder_from(given: Mapping[str, str]) -> Path:
    """Return the stack's data folder: STACK_DIR, else `.stack` beside the code."""
    return Path(given.get("STACK_DIR") or REPOSITORY / ".stack").resolve()


def bare(folder: Path) -> dict[str, str]:
    """Return the environment of every child, third-party servers included: no secret, and the stack
    that it belongs to."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
    return {
        **{name: os.environ[name] for name in names if name in os.environ},
        "STACK_DIR": str(folder),
    }


def read(file: Path) -> dict[str, str]:
    """Return the variables of an env file; empty where there is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise StackError(f"{file} is not text: restore it, or remove {file.parent}.") from None
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("'") for name, value in pairs}


def write(file: Path, values: Mapping[str, str]) -> None:
    """Replace an env file atomically, readable by its owner alone."""
    lines = (f"{name}='{value}'" for name, value in values.items())
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(HEADER + "\n".join(lines) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)


def make_folder(folder: Path) -> None:
    """Create the stack's folder; other accounts may at most traverse it (root's PostgreSQL
    must)."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for name in ("log", "mail", "prefect", "celery", "artifacts"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
            (folder / name).chmod(0o700)  # an earlier version left some open
    except OSError as error:
        raise StackError(
            f"The folder {folder} cannot be used: {error.strerror}. "
            "Set STACK_DIR to a folder that you can write."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StackError(f"The folder {folder} cannot be written: set STACK_DIR to one that can.")


def effective(folder: Path, stored: Mapping[str, str], given: Mapping[str, str]) -> Environment:
    """Return the stored variables, overridden by the real ones server by server."""
    own = frozenset(
        server for server, names in OWNED_BY.items() if any(given.get(name) for name in names)
    )
    left_out = {name for server in own for name in LEFT_OUT[server]}
    kept_whole = {name for server in LEFT_OUT.keys() - own for name in LEFT_OUT[server]}
    if "prefect" not in own:  # the embedded server may be given a database of its own
        kept_whole.discard("PREFECT_API_DATABASE_CONNECTION_URL")
    real = {name: value for name, value in given.items() if name not in kept_whole}
    kept = {name: value for name, value in stored.items() if name not in left_out}
    around = ",".join(filter(None, (given.get("NO_PROXY"), ports.LOOPBACK, "localhost")))
    if "postgres" in own:
        kept["DEMO"] = "false"  # no accounts with a known password in a person's own database
    always = {"STACK_DIR": str(folder), "NO_PROXY": around, "no_proxy": around}
    return Environment(folder, {**kept, **real, **always}, own)


def load(folder: Path, given: Mapping[str, str]) -> Environment:
    """Return the environment of a stack that was started before (empty beyond `given` where
    never)."""
    return effective(folder, read(folder / "env"), given)


def prepare(folder: Path, given: Mapping[str, str]) -> Environment:
    """Generate missing variables, replace ports that are in use, write the file.

    Called with the stack's lock held and none of its servers running.
    """
    make_folder(folder)
    stored = read(folder / "env")
    values = generate(folder, stored, given)
    if values != stored:
        write(folder / "env", values)
    return effective(folder, values, given)


def generate(folder: Path, stored: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Generate every variable of the embedded stack: keep stored ones, create missing ones, choose
    free ports."""
    own = effective(folder, stored, given).own
    taken: set[int] = set()

    def port(url_name: str, variable: str, *preferred: int) -> int:
        if given.get(variable):
            taken.add(number := ports.fixed(variable, given[variable]))
            return number
        before = urlsplit(stored.get(url_name, "")).port
        return ports.choose(*preferred, before, taken=taken)

    def secret(name: str) -> str:
        return stored.get(name) or secrets.token_hex(16)

    def password(url_name: str) -> str:
        return urlsplit(stored.get(url_name, "")).password or secrets.token_hex(16)

    values = dict(stored)
    web_port = port("SITE_URL", "WEB_PORT", 8000)
    values["WEB_PORT"] = str(web_port)
    values["WEB_HOST"] = ports.listening("WEB_HOST", given.get("WEB_HOST") or ports.LOOPBACK)
    values["SITE_URL"] = f"http://{ports.LOOPBACK}:{web_port}"
    values["ALLOWED_HOSTS"] = f"{ports.LOOPBACK},localhost"
    values["SECRET_KEY"] = stored.get("SECRET_KEY") or secrets.token_urlsafe(50)
    values["DEMO"] = "true"
    values["DEMO_PASSWORD"] = given.get("DEMO_PASSWORD") or secret("DEMO_PASSWORD")
    values["REQUIRE_EMAIL_CONFIRMATION"] = "false"
    values["EMAIL_URL"] = f"file://{folder}/mail"
    values["ARTIFACT_CACHE_DIR"] = str(folder / "artifacts")
    if "postgres" not in own:
        server = f"app:{password('DATABASE_URL')}@{ports.LOOPBACK}"
        server += f":{port('DATABASE_URL', 'POSTGRES_PORT')}"
        values["DATABASE_URL"] = f"postgresql://{server}/app"
        values["PREFECT_API_DATABASE_CONNECTION_URL"] = f"postgresql+asyncpg://{server}/prefect"
    if "redis" not in own:
        address = f"{ports.LOOPBACK}:{port('REDIS_URL', 'REDIS_PORT')}"
        values["REDIS_URL"] = f"redis://:{password('REDIS_URL')}@{address}/0"
    if "s3" not in own:
        address = f"{ports.LOOPBACK}:{port('AWS_S3_ENDPOINT_URL', 'S3_PORT')}"
        values["AWS_S3_ENDPOINT_URL"] = f"http://{address}"
        values["AWS_ACCESS_KEY_ID"] = "stack"
        values["AWS_SECRET_ACCESS_KEY"] = secret("AWS_SECRET_ACCESS_KEY")
        values["AWS_STORAGE_BUCKET_NAME"] = "models"
    values["PREFECT_HOME"] = str(folder / "prefect")
    if "prefect" not in own:
        address = f"{ports.LOOPBACK}:{port('PREFECT_API_URL', 'PREFECT_PORT', 4200)}"
        values["PREFECT_API_URL"] = f"http://{address}/api"
        given_before = stored.get("PREFECT_API_AUTH_STRING")
        values["PREFECT_API_AUTH_STRING"] = given_before or f"stack:{secrets.token_hex(16)}"
    return values
