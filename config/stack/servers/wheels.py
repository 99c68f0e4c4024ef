"""The paths of the servers' programs in the wheels of the virtual environment."""

import importlib.util
import sysconfig
from pathlib import Path

from config.stack.errors import StackError


def missing(wheel: str, instead: str) -> StackError:
    return StackError(
        f"The wheel {wheel} is not installed: `make run` installs it, "
        f"or set {instead} to a server of your own."
    )


def package(name: str, *, wheel: str, instead: str) -> Path:
    """Return the folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise missing(wheel, instead)
    return Path(spec.submodule_search_locations[0])


def script(name: str, *, wheel: str, instead: str) -> Path:
    """Return a program that a wheel puts beside the interpreter."""
    program = Path(sysconfig.get_path("scripts")) / name
    if not program.is_file():
        raise missing(wheel, instead)
    return program
