"""The locks of the runtimes: each is whole, and holds nothing that a runtime does not need."""

import re
from pathlib import Path

import pytest

from config.packages.lock_runtimes import ALLOWED, FOLDER, MINORS, NEEDED

LOCKS = sorted(FOLDER.glob("*.txt"))
ENTRY = re.compile(r"([a-z][\w-]*)==([\w.]+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)")

locks = pytest.mark.parametrize("lock", LOCKS, ids=[lock.stem for lock in LOCKS])


def versions(lock: Path) -> dict[str, str]:
    return {name: version for name, version, _ in ENTRY.findall(lock.read_text())}


@locks
def test_a_lock_is_nothing_but_pinned_packages_with_hashes(lock: Path) -> None:
    assert ENTRY.sub("", lock.read_text()) == ""


@locks
def test_a_lock_has_what_a_runtime_needs_and_nothing_else(lock: Path) -> None:
    found = versions(lock)

    assert {"scikit-learn", *NEEDED} <= found.keys() <= ALLOWED


@locks
def test_a_lock_is_of_the_minor_version_that_its_name_says(lock: Path) -> None:
    named = re.fullmatch(r"scikit-learn-(\d+\.\d+)-py3\d+\.txt", lock.name)

    assert named is not None
    assert versions(lock)["scikit-learn"].rpartition(".")[0] == named[1]


def test_each_minor_version_has_the_locks_of_the_interpreters_that_have_its_wheels() -> None:
    """Python 3.11 has wheels of all, 3.12 from scikit-learn 1.3 on, 3.13 from 1.5 on."""
    first = {"311": "1.2", "312": "1.3", "313": "1.5"}
    expected = {
        f"scikit-learn-{minor}-py{python}"
        for minor in MINORS
        for python, oldest in first.items()
        if minor >= oldest
    }

    assert {lock.stem for lock in LOCKS} == expected


def test_one_minor_version_has_one_patch_whatever_the_interpreter() -> None:
    for minor in MINORS:
        found = {versions(lock)["scikit-learn"] for lock in LOCKS if f"-{minor}-" in lock.name}
        assert len(found) == 1
