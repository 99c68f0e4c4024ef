"""The documents of the repository: what they link to, and what they say of the code, exists."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from config.version import VERSION
from tests.test_settings import REPOSITORY


def tracked(*patterns: str) -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    found = subprocess.check_output(command, cwd=REPOSITORY, text=True).splitlines()
    return [name for name in found if (REPOSITORY / name).is_file()]


PAGES = tracked("*.md")
FENCED = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|(?:src|srcset|href)=\"([^\"]+)\"")
PLACE = re.compile(r"`([\w./-]+/[\w./-]*)(?:\s*::\s*(\w+)(?:\.(\w+))?[^`]*)?`")
TOP = {name.partition("/")[0] for name in tracked() if "/" in name}


@cache
def prose(page: str) -> str:
    return FENCED.sub("", (REPOSITORY / page).read_text(encoding="utf-8"))


def links(page: str) -> Iterator[str]:
    """The links of a page that lead into the repository."""
    for match in LINK.finditer(prose(page)):
        link = match[1] or match[2]
        if not urlsplit(link).scheme:
            yield link


@cache
def anchors(page: str) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: list[str] = []
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        same = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", one) is not None for one in found)
        found.append(f"{anchor}-{same}" if same else anchor)
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (REPOSITORY / page).parent / unquote(path) if path else REPOSITORY / page
        name = str(target.resolve().relative_to(REPOSITORY)) if target.exists() else ""
        is_kept = name in tracked(name) if target.is_file() else bool(name and tracked(name))
        if not is_kept or (anchor and anchor not in anchors(name)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_every_place_that_a_page_names_in_the_code_exists(page: str) -> None:
    gone = []
    for match in PLACE.finditer(prose(page)):
        path, name, member = match.groups()
        target = REPOSITORY / path
        if path.partition("/")[0] not in TOP or "…" in match[0]:
            continue
        if not target.exists() or (name and not defines(target, name, member)):
            gone.append(match[0])
    assert gone == []


def defines(file: Path, name: str, member: str | None = None) -> bool:
    """Whether a module has this class or function, and that this member."""
    inside: list[ast.stmt] = ast.parse(file.read_text(encoding="utf-8")).body
    for wanted in filter(None, (name, member)):
        found = [node for node in inside if getattr(node, "name", None) == wanted]
        if not found:
            return False
        inside = getattr(found[0], "body", [])
    return True


OUTSIDE = re.compile(
    r"\b(?:PRODUCT(?:_NEXT)?|HOUSE|STACK|RELIABILITY|PERFORMANCE|ARCHITECTURE|USER_STORIES)\.md\b"
    r"|\bUSER_STORIES\b|\b(?:PRODUCT|HOUSE) (?:§|\d)|(?<![\w/])\.\./shared/|(?<![\w.-])shared/"
    r"|\buser's card\b"
)
"""Documents that this project was planned with and that its readers do not have."""


def test_nothing_cites_a_document_outside_of_the_repository() -> None:
    citing = [
        f"{name}:{number}: {line.strip()}"
        for name in tracked()
        if name != "tests/test_documents.py" and not name.startswith(("requirements", "package-"))
        for number, line in enumerate(lines(REPOSITORY / name), 1)
        if OUTSIDE.search(line)
    ]
    assert citing == []


def lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:  # a picture or a model file
        return []


ACCEPTANCE = REPOSITORY / "docs" / "acceptance.md"
CRITERIA = {
    "1.1": 5, "1.2": 5, "2.1": 7, "2.2": 6, "2.3": 7, "3.1": 6, "3.2": 8, "3.3": 8, "3.4": 5,
    "4.1": 7, "4.2": 7, "4.3": 7, "5.1": 6, "5.2": 7, "6.1": 6, "6.2": 6, "7.1": 5, "7.2": 5,
    "8.1": 7, "8.2": 8, "8.3": 6, "8.4": 6, "8.5": 5,
}  # fmt: skip
"""The number of acceptance criteria of each story."""


def test_every_acceptance_criterion_stands_with_tests_that_exist() -> None:
    rows = re.findall(r"^\| (\d\.\d\.\d) \|(.+)\|$", ACCEPTANCE.read_text("utf-8"), re.MULTILINE)
    wanted = [f"{story}.{n + 1}" for story, count in CRITERIA.items() for n in range(count)]
    assert [number for number, _ in rows] == wanted
    for number, row in rows:
        proofs = [match.groups() for match in PLACE.finditer(row) if match[2]]
        assert [path for path, *_ in proofs if path.startswith("tests/")], number
        for path, name, member in proofs:
            assert defines(REPOSITORY / path, name, member), f"{number}: {path} :: {name}"


def test_every_story_that_a_test_is_named_by_is_told() -> None:
    told = set(re.findall(r"US-(\d\.\d)", ACCEPTANCE.read_text(encoding="utf-8")))
    journeys = "".join((REPOSITORY / name).read_text() for name in tracked("tests/journeys/*.py"))
    named = {".".join(number) for number in re.findall(r"def test_us_(\d)_(\d)_", journeys)}
    assert named
    assert named <= told


def test_what_a_stranger_looks_for_is_one_click_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in links("README.md")}
    assert linked >= {
        "LICENSE",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "docs/architecture.md",
        "docs/installing.md",
        "docs/README.md",
    }


def test_every_page_of_the_documentation_is_linked_from_where_it_begins() -> None:
    beginnings = ("README.md", "docs/README.md", "docs/architecture.md")
    linked = {
        (REPOSITORY / page).parent.joinpath(link.partition("#")[0]).resolve()
        for page in beginnings
        for link in links(page)
    }
    assert [page for page in tracked("docs/*.md") if (REPOSITORY / page) not in linked] == []


def test_the_readme_shows_every_picture_and_none_is_heavy() -> None:
    shown = {link for link in links("README.md") if link.startswith("docs/pictures/")}
    assert shown == set(tracked("docs/pictures"))
    assert max((REPOSITORY / picture).stat().st_size for picture in shown) < 150_000


def test_the_changelog_begins_with_the_version_that_runs_and_its_date() -> None:
    changes = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    first = next(line for line in changes.splitlines() if line.startswith("## "))
    assert re.fullmatch(rf"## {re.escape(VERSION)}, \d{{4}}-\d{{2}}-\d{{2}}", first)


def test_the_version_is_told_without_any_setting(tmp_path: Path) -> None:
    said = subprocess.check_output(
        [sys.executable, "manage.py", "--version"],
        cwd=REPOSITORY,
        env={"STACK_DIR": str(tmp_path)},
        text=True,
    )
    assert said == f"Plumbline {VERSION}\n"
