"""The licences of the packages that the product installs, against docs/licences.md."""

import json
import re
from importlib.metadata import PackageNotFoundError, metadata

from tests.test_settings import REPOSITORY

LOCKS = ("requirements.txt", "requirements-embedded.txt")
ASKS_NOTHING_MORE = re.compile(
    r"(?:MIT(?:-0|-CMU)?|0?BSD(?:-[23]-Clause)?|Apache(?:-2\.0)?|ISC|ISCL|PSF-2\.0|CNRI-Python|Zlib|CC0-1\.0|"
    r"PostgreSQL)(?: (?:Software )?License(?: \((?:ISCL|BSD)\))?)?"
)
SAY_IT_IN_A_FILE = {"skops": "MIT"}
"""Packages whose metadata name no licence."""


def licences(package: str) -> list[str]:
    """The licences that all apply; where there is a choice, one of them that asks least."""
    told = metadata(package).json  # of text, and of lists where a field may stand twice
    if package in SAY_IT_IN_A_FILE:
        return [SAY_IT_IN_A_FILE[package]]
    if expression := told.get("license_expression"):
        together = re.split(r"\s+AND\s+", str(expression))
        return [min(re.split(r"\s+OR\s+", one.strip("()")), key=asks_more) for one in together]
    classifiers = told.get("classifier", [])
    named = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::")]
    return [min(named or [str(told.get("license")).splitlines()[0]], key=asks_more)]


def asks_more(licence: str) -> bool:
    return ASKS_NOTHING_MORE.fullmatch(licence) is None


def test_what_asks_more_than_to_be_named_is_in_the_table_of_licences() -> None:
    page = (REPOSITORY / "docs" / "licences.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`([\w@/.-]+)`", page))
    found = set()
    for lock in LOCKS:
        for name in re.findall(r"^([\w.-]+)==", (REPOSITORY / lock).read_text(), re.MULTILINE):
            try:
                found |= {name} if any(map(asks_more, licences(name))) else set()
            except PackageNotFoundError:  # for another Python or another system
                continue
    for name in json.loads((REPOSITORY / "package.json").read_text())["dependencies"]:
        told = json.loads((REPOSITORY / "node_modules" / name / "package.json").read_text())
        found |= {name} if asks_more(told["license"]) else set()
    assert found == explained
