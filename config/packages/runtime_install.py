"""The installation of runtimes, by the product's own interpreter and from hashed wheels alone.

A runtime is made beside its place and renamed into it when it is whole. What runtimes there are and
can be: `config/runtimes.py`.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from config.packages import install
from config.runtimes import (
    RECORD,
    Runtime,
    RuntimeRefused,
    default_minor,
    executable,
    lock_for,
    minor_of,
    offer,
    own_python,
)

ROOT = Path(__file__).resolve().parents[2]
NEEDED_BYTES = 700_000_000
"""A runtime takes some 400 MB, and its packages on their way a part of that."""

_PINNED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
_EXTRA = re.compile(r"([A-Za-z0-9][\w.-]*)==([\w.!+]+)")
_ABOUT = """
import importlib, importlib.metadata as metadata, json, sys
normal = lambda name: name.lower().replace("_", "-")
extras = {normal(name) for name in sys.argv[1:]}
for module, owners in metadata.packages_distributions().items():
    if extras & set(map(normal, owners)) and not module.startswith("_"):
        importlib.import_module(module)
found = {normal(one.metadata["Name"]): one.version for one in metadata.distributions()}
print(json.dumps(found))
"""


def add(
    version: str, folder: Path, *, extras: Sequence[str] = (), say: Callable[[str], None] = print
) -> Runtime:
    """Install the runtime of a version of scikit-learn ("1.5" or "1.5.2"), in place of one that is
    there. Returns it; the same one at once if it is there as it should be.

    Raises RuntimeRefused. Whenever it is interrupted, the place has the whole former runtime, the
    whole new one, or none.
    """
    minor = minor_of(version)
    lock = lock_for(minor)
    _check_extras(extras, lock)
    wanted = tuple(sorted(extras))
    with _alone(folder):
        current = offer(folder, minor).installed
        if current and (current.lock, current.extras) == (_digest(lock), wanted):
            say(f"scikit-learn {minor} is there already.")
            return current
        for place in (folder, Path(tempfile.gettempdir())):
            _check_space(place)
        made = Path(tempfile.mkdtemp(prefix=f".adding-{minor}-", dir=folder))
        try:
            made.chmod(0o755)
            runtime = _install(made, minor, lock, wanted, say)
            os.sync()  # the name comes after what it stands for
            _discard(folder / minor, folder)
            made.rename(folder / minor)
        except OSError as error:
            raise RuntimeRefused(f"The runtime was not installed: {error.strerror}.") from error
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return runtime


def remove(
    version: str, folder: Path, *, needed_by: Sequence[str] = (), wanted_by: Sequence[str] = ()
) -> None:
    """Remove a runtime. ``needed_by``: the names of the live versions and drafts that name it, and
    ``wanted_by`` of those that may be live again; both keep it. Raises RuntimeRefused."""
    minor = minor_of(version)
    if minor == default_minor():
        raise RuntimeRefused(f"scikit-learn {minor} is the product's own and cannot be removed.")
    if not (folder / minor).exists():
        raise RuntimeRefused(f"There is no runtime of scikit-learn {minor} in {folder}.")
    if needed_by:
        raise RuntimeRefused(
            f"scikit-learn {minor} is needed by {_shown(needed_by)}. Archive them or choose "
            "another runtime for them, then remove it."
        )
    if wanted_by:
        raise RuntimeRefused(
            f"scikit-learn {minor} served {_shown(wanted_by)}, which could not be made live again "
            f"without it. To remove it all the same: manage.py runtime remove {minor} --force"
        )
    with _alone(folder):
        _discard(folder / minor, folder)


def check(minor: str, folder: Path) -> str:
    """Try a runtime from end to end, in a process of its own: `model_host/trying.py`. Returns a
    sentence on what ran. Raises RuntimeRefused with the fault."""
    found = offer(folder, minor)
    if not found.is_here:
        raise RuntimeRefused(found.problem)
    done = subprocess.run(
        [sys.executable, "-m", "model_host.trying", executable(folder, minor)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    again = "" if found.is_default else f" Add it again: manage.py runtime add {minor}"
    try:
        told = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeRefused(f"scikit-learn {minor} could not be tried: {last}.{again}") from None
    if fault := told["fault"]:
        raise RuntimeRefused(f"scikit-learn {minor} does not work here. {fault}{again}")
    for words, names in (("Its warm-up is incomplete", "cold"), ("It lacks types", "missing")):
        if told[names]:
            raise RuntimeRefused(f"scikit-learn {minor}: {words}: {'; '.join(told[names])}.{again}")
    ran = ", ".join(f"{name} {version}" for name, version in told["libraries"])
    return f"scikit-learn {minor} works: {ran}."


def _shown(names: Sequence[str]) -> str:
    """The first five names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _install(
    made: Path, minor: str, lock: Path, extras: tuple[str, ...], say: Callable[[str], None]
) -> Runtime:
    """Fill the folder ``made`` with the whole runtime, its record last."""
    say(f"Installing scikit-learn {minor} for Python {own_python()}")
    _run([sys.executable, "-m", "venv", "--without-pip", str(made)])
    python = str(made / "bin" / "python")
    _pip(python, made, ["--require-hashes", "-r", str(lock)], total=len(_pinned(lock)))
    if extras:
        say(f"Adding {', '.join(extras)}")
        _pip(python, made, [*extras], total=len(extras))
    names = [extra.partition("==")[0] for extra in extras]
    libraries = json.loads(_run([python, "-I", "-c", _ABOUT, *names]))
    record = Runtime(
        minor, ".".join(map(str, sys.version_info[:3])), _digest(lock), libraries, extras
    )
    (made / RECORD).write_text(json.dumps(record.to_json(), indent=1))
    return record


def _pip(python: str, made: Path, what: list[str], *, total: int) -> None:
    """Install with the product's pip into another environment: wheels alone, nothing that is not
    named."""
    command = [
        sys.executable, "-m", "pip", "--python", python, "install", "--disable-pip-version-check",
        "--progress-bar", "off", "--no-input", "--no-deps", "--only-binary", ":all:", *what,
    ]  # fmt: skip
    log = made / "install.log"
    with (
        log.open("w") as kept,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as pip,
    ):
        assert pip.stdout is not None
        install.show(install.steps_of(pip.stdout, kept, total))
    if pip.returncode:
        cause = install.cause_in(log.read_text())
        raise RuntimeRefused(f"The packages were not installed. {cause}")


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        cause = install.cause_in(done.stdout + done.stderr)
        raise RuntimeRefused(f"The runtime was not installed. {cause}")
    return done.stdout


def _check_extras(extras: Sequence[str], lock: Path) -> None:
    locked = {name.lower() for name in _pinned(lock)}
    for extra in extras:
        named = _EXTRA.fullmatch(extra)
        if named is None:
            raise RuntimeRefused(
                f"“{extra}” does not name one version. Write it as imbalanced-learn==0.12.4."
            )
        if named[1].lower().replace("_", "-") in locked:
            raise RuntimeRefused(f"{named[1]} stands in the runtime's lock and cannot be another.")


def _check_space(place: Path) -> None:
    if (free := shutil.disk_usage(place).free) < NEEDED_BYTES:
        raise RuntimeRefused(
            f"There is too little space in {place}: {free / 1e6:.0f} MB are free and a runtime "
            f"needs {NEEDED_BYTES / 1e6:.0f} MB. Free some, or set RUNTIMES_DIR to another disk."
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder of the runtimes; what an interrupted run left in it is removed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = (folder / ".lock").open("w")
    except OSError as error:
        raise RuntimeRefused(
            f"The folder {folder} cannot be written: {error.strerror}. Set RUNTIMES_DIR to one "
            "that can."
        ) from error
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeRefused(
                "Another installation of a runtime is running. Wait for it, then try again."
            ) from None
        for left in (*folder.glob(".adding-*"), *folder.glob(".removing-*")):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _discard(place: Path, folder: Path) -> None:
    """Take a runtime out of its place at once, then remove its files."""
    if place.exists():
        away = Path(tempfile.mkdtemp(prefix=".removing-", dir=folder))
        place.rename(away / place.name)
        shutil.rmtree(away, ignore_errors=True)


def _pinned(lock: Path) -> list[str]:
    return [name for name, _ in _PINNED.findall(lock.read_text())]


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()
