"""The check for clocks in tests: what `make check` finds, and what it accepts."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_settings import REPOSITORY


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "test_one.py").touch()
    return tmp_path / "test_one.py"


@pytest.mark.parametrize(
    "lines",
    [
        "assert row.until > timezone.now()",
        "assert datetime.now(UTC) - began < limit",
        "began = timezone.now()\nassert (row.at - began).total_seconds() <= 5",
        "began, row = now(), ask()\nif abs(row.at - began) >= limit: fail()",
        "took = limit\ntook -= datetime.now()\nassert 0 < took < 3",
        "LONG_AGO = timezone.now() - limit\ndef test_it():\n    assert row.at < LONG_AGO",
        "assert row.at == pytest.approx(timezone.now().timestamp(), abs=2)",
        "assert date.today() >= row.day",
    ],
)
def test_a_comparison_with_the_present_time_is_found(written: Path, lines: str) -> None:
    written.write_text(lines)
    found = check(written.parent)
    assert found.returncode == 1
    assert f"{written}:{len(lines.splitlines())}: " in found.stdout


@pytest.mark.parametrize(
    "lines",
    [
        "now = timezone.now()\nmake(at=now - limit)\nassert row.at == now",
        "rows = make(at=timezone.now())\nassert len(rows) > 3",
        "def one():\n    now = timezone.now()\ndef two(now):\n    assert now > 3",
        "rows.filter(at__lte=Now())\nassert row.until == row.at + limit",
    ],
)
def test_rows_of_today_are_no_judgement(written: Path, lines: str) -> None:
    written.write_text(lines)
    found = check(written.parent)
    assert (found.returncode, found.stdout) == (0, "")


def check(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.clock_check", str(folder)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("file", "is_refused"),
    [("tests/test_new.py", True), ("tests/chaos/test_short.py", True), ("flows/new.py", False)],
)
@pytest.mark.parametrize(
    "lines",
    [
        "import time as clock\n\nbegan = clock.perf_counter()\n",
        "from time import monotonic\n\nbegan = monotonic()\n",
        "from timeit import default_timer\n\nbegan = default_timer()\n",
        "import time\n\ntime.sleep(1)\n",
    ],
)
def test_stopwatches_and_pauses_are_refused_in_tests(
    lines: str, file: str, is_refused: bool
) -> None:
    ruff = [sys.executable, "-m", "ruff", "check", "--no-cache", "--stdin-filename", file, "-"]
    done = subprocess.run(
        ruff, cwd=REPOSITORY, input=lines, capture_output=True, text=True, check=False
    )
    assert ("TID251" in done.stdout) == is_refused, done.stdout
