"""The locks install from wheels alone, on every Python and on both processors."""

import json
import re

import pytest
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from config.packages.lock_wheels import (
    HEADER,
    LOCKS,
    PROCESSORS,
    PYTHONS,
    ROOT,
    TABLE,
    locked,
    platforms,
)


def wheels() -> dict[str, str]:
    """Of each wheel in the table its hash."""
    text = TABLE.read_text()
    assert text.startswith(HEADER)
    return dict(line.split() for line in text.removeprefix(HEADER).splitlines())


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_wheel(lock: str, python: str, processor: str) -> None:
    version = tuple(map(int, python.split(".")))
    takes = {
        *cpython_tags(version, platforms=platforms(processor)),
        *compatible_tags(version, f"cp{version[0]}{version[1]}", platforms(processor)),
    }
    by_package: dict[tuple[str, str], set[str]] = {}
    for file, digest in wheels().items():
        name, number, _, tags = parse_wheel_filename(file)
        if tags & takes:
            by_package.setdefault((name, str(number)), set()).add(digest)
    needed = [each for each in locked(lock) if each.is_for(python, processor)]
    assert needed
    for each in needed:
        found = by_package.get((canonicalize_name(each.name), each.version), set())
        assert found, f"{each.name} {each.version}: run make lock"
        assert found & each.hashes, f"the lock does not have the wheel of {each.name}"


def test_the_table_has_no_wheel_of_a_package_that_is_not_locked() -> None:
    hashes = set().union(*(each.hashes for lock in LOCKS for each in locked(lock)))
    assert set(wheels().values()) <= hashes


def test_the_tool_that_builds_the_pages_is_locked_for_both_processors() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for processor in ("x64", "arm64"):
        assert packages[f"node_modules/@esbuild/linux-{processor}"]["integrity"]


def test_the_table_names_no_address() -> None:
    assert not re.search(r"//|https?:", TABLE.read_text())
