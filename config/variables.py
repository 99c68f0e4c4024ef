"""The environment variables that the settings read, strictly parsed, and the checks of those that
must fit together.

A variable's value may stand in a file instead, as secrets do. Variables that are not set come from
the embedded stack, which may run all of the servers or some. Whatever is wrong is
ImproperlyConfigured, which names the variable and the way out.
"""

import ipaddress
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, EnvValidationError

from config.stack import environment as stack

SERVERS = {"DATABASE_URL", "REDIS_URL", "PREFECT_API_URL"}

env = Env()


def read(kind: str, name: str, *default: Any) -> Any:
    """Parse one variable, or the content of the file that <name>_FILE names, strictly; what is
    wrong with it names the variable and the way out."""
    take_from_file(name)
    try:
        return getattr(env, kind)(name, *default)
    except (EnvError, EnvValidationError) as error:
        raise ImproperlyConfigured(
            f"The environment variable {name} is missing or malformed: {error}. "
            f"See .env.example; `make run` makes a working environment of its own."
        ) from error


def take_from_file(name: str) -> None:
    """Set the variable from the file that <name>_FILE names, if that is set: Docker's and
    Kubernetes' secrets are files. It enters the environment, where libraries look for it too."""
    if not (path := os.environ.get(f"{name}_FILE")):
        return
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read.") from error
    if not value:
        raise ImproperlyConfigured(
            f"{name}_FILE names {path}, which is empty: put the value into it "
            "(deploy/make-secrets.sh makes those of compose), or do not set it."
        )
    if os.environ.setdefault(name, value) != value:  # equal: a parent process read it
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set and differ. Set one.")


def take_from_stack(folder: Path) -> None:
    """Set what is not set from the embedded stack in ``folder``, if one of the servers is not
    named."""
    for name in SERVERS:
        take_from_file(name)
    if not os.environ.keys() >= SERVERS and (folder / "env").is_file():
        os.environ.update(stack.load(folder, os.environ).values)


def check_registration(registration: str, domains: Sequence[str], *, is_confirmed: bool) -> None:
    """Check who may register; ``is_confirmed``: addresses are proved before they are used."""
    if registration not in {"open", "domains", "invited", "closed"}:
        raise ImproperlyConfigured(
            f"REGISTRATION is {registration!r}: expected open, domains, invited or closed. "
            "See .env.example."
        )
    if registration == "domains" and not domains:
        raise ImproperlyConfigured(
            "REGISTRATION is domains and REGISTRATION_DOMAINS is empty: name the domains whose "
            "addresses may register, such as example.org,example.com."
        )
    for name in domains:
        if not re.fullmatch(r"[\w-]+(\.[\w-]+)+", name):
            raise ImproperlyConfigured(
                f"REGISTRATION_DOMAINS names {name!r}: expected whole domains, such as example.org."
            )
    if registration == "domains" and not is_confirmed:
        raise ImproperlyConfigured(
            "REGISTRATION is domains and REQUIRE_EMAIL_CONFIRMATION is false: anybody could invent "
            "an address of the domain. Set REQUIRE_EMAIL_CONFIRMATION=true."
        )


def check_provider(
    issuer: str,
    *,
    client_id: str,
    client_secret: str,
    name: str,
    scopes: Sequence[str],
    groups_claim: str,
) -> None:
    """Check the provider of single sign-on."""
    if not (client_id and client_secret):
        raise ImproperlyConfigured(
            "OIDC_ISSUER is set, and OIDC_CLIENT_ID or OIDC_CLIENT_SECRET is empty: set both, as "
            "the provider gave them to you."
        )
    if (
        not _is_private(issuer)
        or set(issuer) & set("?#@ ")
        or len(issuer) > 200
        or "/.well-known/" in issuer
    ):
        raise ImproperlyConfigured(
            f"OIDC_ISSUER is {issuer!r}: expected the provider's own address, which begins with "
            "https:// (http:// for this machine alone), such as "
            "https://sso.example.org/realms/staff, without /.well-known/openid-configuration."
        )
    if "openid" not in scopes or "email" not in scopes:
        raise ImproperlyConfigured(
            "OIDC_SCOPES lacks openid or email: without them the provider does not say who signs "
            "in."
        )
    if not name.strip() or not groups_claim:
        raise ImproperlyConfigured(
            "OIDC_NAME or OIDC_GROUPS_CLAIM is set and empty: give it a value, or do not set it."
        )


def check_no_provider(**values: object) -> None:
    """Check that no variable is set which needs the provider of single sign-on."""
    for name, value in values.items():
        if value:
            raise ImproperlyConfigured(
                f"{name} is set and OIDC_ISSUER is empty: set OIDC_ISSUER to the provider's "
                f"address, or do not set {name}."
            )


def check_no_passwords(registration: str, *, has_provider: bool) -> None:
    """Check, where nobody signs in by password, that people can sign in by something else."""
    if not has_provider:
        raise ImproperlyConfigured(
            "PASSWORD_SIGN_IN is false and OIDC_ISSUER is empty: nobody could sign in. Set up "
            "single sign-on (docs/single-sign-on.md), or set PASSWORD_SIGN_IN=true."
        )
    if registration in {"open", "domains"}:
        raise ImproperlyConfigured(
            f"PASSWORD_SIGN_IN is false and REGISTRATION is {registration}: people would register "
            "with a password that they cannot use. Set REGISTRATION=closed, or do not set it."
        )


def _is_private(url: str) -> bool:
    """Return whether nobody on the way reads what is sent there: https, or this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme != "http":
        return parts.scheme == "https" and bool(host)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
