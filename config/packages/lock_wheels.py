"""The table of wheels: which file each locked package has for Linux on x86-64 and on arm64.

    python -m config.packages.lock_wheels

A lock names hashes alone. `make lock` asks pip for each interpreter and processor which wheel it
would take, downloads none, and keeps the names in `wheels.txt` beside it; a package without a
wheel for one of them ends it with an error. A test compares the table with the locks.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("wheels.txt")
LOCKS = (
    "requirements.txt", "requirements-embedded.txt", "requirements-node.txt",
    "requirements-dev.txt",
)  # fmt: skip
PYTHONS = ("3.11", "3.12", "3.13")
PROCESSORS = ("x86_64", "aarch64")
NEWEST_GLIBC = 36  # of Debian 12; the image has a newer one
HEADER = (
    "# Written by `make lock`: the wheels of the locked packages for Linux on x86_64 and aarch64.\n"
)


@dataclass(frozen=True)
class Locked:
    """One package of a lock."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]

    def is_for(self, python: str, processor: str) -> bool:
        environment = {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "platform_machine": processor,
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        return not self.marker or Marker(self.marker).evaluate(environment)


def locked(lock: str) -> Iterator[Locked]:
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    for line in text.splitlines():
        needed, *hashes = line.split("--hash=sha256:")
        name, _, rest = needed.partition("==")
        version, _, marker = rest.partition(";")
        yield Locked(
            name.strip(), version.strip(), marker.strip(), frozenset(map(str.strip, hashes))
        )


def platforms(processor: str) -> list[str]:
    """Return the tags of wheels for Linux that this processor takes, the newest first."""
    oldest = 4 if processor == "x86_64" else 16
    names = [f"manylinux_2_{minor}" for minor in range(NEWEST_GLIBC, oldest, -1)]
    names += ["manylinux2014", *(("manylinux2010", "manylinux1") if oldest == 4 else ())]
    return [f"{name}_{processor}" for name in names]


def chosen(lock: str, python: str, processor: str) -> Iterator[tuple[str, str]]:
    """Yield the file name and the hash of each wheel that pip would install."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, report = Path(folder) / "wanted.txt", Path(folder) / "report.json"
        # pip judges markers by the interpreter that runs it
        wanted.write_text(
            "".join(
                f"{each.name}=={each.version} "
                + " ".join(f"--hash=sha256:{digest}" for digest in sorted(each.hashes))
                + "\n"
                for each in locked(lock)
                if each.is_for(python, processor)
            )
        )
        tags = [word for tag in platforms(processor) for word in ("--platform", tag)]
        done = subprocess.run(
            [
                sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps",
                "--only-binary", ":all:", "--require-hashes", "--python-version", python, *tags,
                "--target", folder, "--report", report, "-r", wanted,
            ], capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            errors = re.findall(r"^ERROR: .*", done.stderr, re.M) or [done.stderr[-500:]]
            sys.exit(f"{lock} for Python {python} on {processor}: {errors[-1]}")
        for item in json.loads(report.read_text())["install"]:
            found = item["download_info"]
            yield found["url"].rpartition("/")[2], found["archive_info"]["hashes"]["sha256"]


def main() -> None:
    wheels = {
        wheel
        for lock in LOCKS
        for python in PYTHONS
        for processor in PROCESSORS
        for wheel in chosen(lock, python, processor)
    }
    lines = (f"{name} {digest}\n" for name, digest in sorted(wheels))
    TABLE.write_text(HEADER + "".join(lines))


if __name__ == "__main__":
    main()
