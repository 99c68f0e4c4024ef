"""The runtimes: environments beside the product's own, each with one minor version of scikit-learn.

A model that another version saved is served by a runtime of that version. `model_host/runtimes`
holds a lock for each that there can be, by scikit-learn's and Python's minor version; a runtime is
installed once per machine, into a folder of the setting RUNTIMES_DIR
(`config/packages/runtime_install.py`). The product's own libraries are the default runtime, which
is always there.
"""

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import Any

from config.errors import DomainError

LOCKS = Path(__file__).resolve().parent.parent / "model_host" / "runtimes"
RECORD = "runtime.json"

_LOCK_NAME = re.compile(r"scikit-learn-(\d+\.\d+)-py(\d)(\d+)\.txt")
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+\w*)?")


class RuntimeRefused(DomainError):
    """A runtime cannot be installed, removed or used; the message says why and what to do."""


@dataclass(frozen=True)
class Runtime:
    """An installed runtime, as its `runtime.json` describes it.

    ``minor``: of scikit-learn ("1.5"). ``python``: the version that installed it. ``lock``: the
    digest of the lock. ``libraries``: versions by distribution. ``extras``: what was added
    (``imbalanced-learn==0.12.4``).
    """

    minor: str
    python: str
    lock: str
    libraries: dict[str, str]
    extras: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Runtime":
        """Read what ``to_json`` gave. ValueError for anything else."""
        try:
            return cls(
                minor=str(given["minor"]),
                python=str(given["python"]),
                lock=str(given["lock"]),
                libraries={str(name): str(one) for name, one in given["libraries"].items()},
                extras=tuple(map(str, given["extras"])),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no record of a runtime: {error!r}") from None


@dataclass(frozen=True)
class Offer:
    """A minor version of scikit-learn on this machine. ``installed``: its runtime, if there is one.
    ``problem``: a sentence with the way out where there is none, or where it cannot be used;
    ``can_be_added``: ``add`` is the way out."""

    minor: str
    is_default: bool = False
    installed: Runtime | None = None
    problem: str = ""
    can_be_added: bool = False

    @property
    def is_here(self) -> bool:
        return self.is_default or self.installed is not None


@cache
def default_minor() -> str:
    """Return the minor version of scikit-learn that the product itself has."""
    return minor_of(distribution_version("scikit-learn"))


def minors() -> list[str]:
    """Return every minor version that a runtime can have on some interpreter, and the default's."""
    return in_order({default_minor(), *_interpreters()})


def minor_of(version: str) -> str:
    """Return the minor version: "1.5" of "1.5" or "1.5.2". Raises RuntimeRefused for any other
    text."""
    named = _VERSION.fullmatch(version.strip())
    if named is None:
        raise RuntimeRefused(f"“{version}” is no version of scikit-learn. Write it as 1.5.")
    return f"{named[1]}.{named[2]}"


def in_order(versions: Iterable[str]) -> list[str]:
    """Return versions, the oldest first."""
    return sorted(versions, key=_numbers)


def command_for(minor: str) -> str:
    """Return the command that brings the runtime of a minor version; "" where there can be none,
    or where none has to come."""
    try:
        lock_for(minor)
    except RuntimeRefused:
        return ""
    return f"manage.py runtime add {minor}"


def executable(folder: Path, minor: str) -> str:
    """Return the interpreter of a runtime in ``folder``; of the default, the product's own."""
    return sys.executable if minor == default_minor() else str(folder / minor / "bin" / "python")


def packages_of(folder: Path, minor: str) -> Path:
    """Return where the packages of a runtime other than the default are installed."""
    return folder / minor / "lib" / f"python{own_python()}" / "site-packages"


def installed(folder: Path) -> dict[str, Runtime]:
    """Return the runtimes in ``folder`` that can be used, by minor version."""
    return {one.minor: one.installed for one in offers(folder) if one.installed is not None}


def offers(folder: Path) -> list[Offer]:
    """Return what there is and what there can be, oldest first."""
    return [offer(folder, minor) for minor in minors()]


def offer(folder: Path, minor: str) -> Offer:
    """Return whether a minor version is served here, and how it can be if it is not."""
    if minor == default_minor():
        return Offer(minor, is_default=True)
    place = folder / minor
    if place.exists():
        runtime, problem = _read(place)
        return Offer(minor, installed=runtime, problem=problem)
    try:
        lock_for(minor)
    except RuntimeRefused as refusal:
        return Offer(minor, problem=refusal.message)
    return Offer(minor, problem=f"Not installed: manage.py runtime add {minor}", can_be_added=True)


def installation(folder: Path, minor: str) -> str:
    """Return what tells one installation of a runtime from every other of it, the same libraries
    included; "" if there is none."""
    try:
        record = (folder / minor / RECORD).stat()
    except OSError:
        return ""
    return f"{record.st_ino}-{record.st_mtime_ns}"


def _read(place: Path) -> tuple[Runtime | None, str]:
    """The runtime in ``place``, or why it cannot be used and what to do."""
    again = f"Add it again: manage.py runtime add {place.name}"
    try:
        runtime = Runtime.from_json(json.loads((place / RECORD).read_text()))
    except (OSError, ValueError):
        return None, f"What is in {place} is no whole runtime. {again}"
    if minor_of(runtime.python) != own_python() or not (place / "bin" / "python").exists():
        return None, (
            f"It was installed by Python {runtime.python}, and the product runs on "
            f"{own_python()}. {again}"
        )
    return runtime, ""


def lock_for(minor: str) -> Path:
    """Return the lock for the product's interpreter. Raises RuntimeRefused where there is none."""
    own = default_minor()
    if minor == own:
        raise RuntimeRefused(f"scikit-learn {own} is the product's own: it is always there.")
    interpreters = _interpreters()
    if minor not in interpreters:
        known = in_order(interpreters)
        raise RuntimeRefused(
            f"There is no runtime of scikit-learn {minor}: there are {known[0]} to {known[-1]}, "
            f"and {own}, which is the product's own."
        )
    if own_python() not in interpreters[minor]:
        fitting = " or ".join(in_order(interpreters[minor]))
        raise RuntimeRefused(
            f"scikit-learn {minor} has no wheels for Python {own_python()}, on which the product "
            f"runs. Install the product with Python {fitting} to serve its models."
        )
    return LOCKS / f"scikit-learn-{minor}-py{own_python().replace('.', '')}.txt"


def _interpreters() -> dict[str, set[str]]:
    """The versions of Python for which there is a lock, by minor version of scikit-learn."""
    found: dict[str, set[str]] = {}
    for lock in LOCKS.glob("*.txt"):
        if name := _LOCK_NAME.fullmatch(lock.name):
            found.setdefault(name[1], set()).add(f"{name[2]}.{name[3]}")
    return found


def own_python() -> str:
    """Return the minor version of the product's interpreter."""
    return "{}.{}".format(*sys.version_info[:2])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
