"""The environment variables that the settings read, strictly parsed.

A variable's value may stand in a file instead, as secrets do. Variables that are not set come from
the embedded stack, which may run all of the servers or some.
"""

import os
from pathlib import Path
from typing import Any

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
