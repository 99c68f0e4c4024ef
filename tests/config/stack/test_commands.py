import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import override_settings

from config.stack.commands import CHECKS, main
from config.stack.errors import NotHealthyError, StackError


def test_a_command_that_fails_is_named_with_its_own_words() -> None:
    with pytest.raises(StackError, match="no_such: Unknown command"):
        main(["no_such"])


def test_a_command_that_may_fail_does_not_keep_the_next_from_running(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["-no_such", "check --list-tags"])
    first, *tags = capsys.readouterr().out.splitlines()
    assert first.startswith("no_such: Unknown command")
    assert "security" in tags


def test_a_line_with_a_question_mark_waits_until_that_part_is_healthy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([NotHealthyError("no answer"), NotHealthyError("no answer"), None])

    def check() -> None:
        if (error := next(answers)) is not None:
            raise error

    monkeypatch.setitem(CHECKS, "prefect", check)
    main(["?prefect", "check --list-tags"])
    assert next(answers, "all were asked") == "all were asked"
    assert "security" in capsys.readouterr().out


def test_a_worker_that_opens_no_model_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        raise StackError("this machine has no sandbox")

    monkeypatch.setitem(CHECKS, "worker", check)
    with pytest.raises(StackError, match="no sandbox"):
        main(["?worker", "no_such"])


@pytest.fixture
def sheet(tmp_path: Path) -> Iterator[Path]:
    """Yield the one static file of a site of its own."""
    sheet = tmp_path / "source" / "a.css"
    sheet.parent.mkdir()
    sheet.write_text("a {}")
    with override_settings(
        STATIC_ROOT=tmp_path / "collected",
        STATICFILES_DIRS=[sheet.parent],
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
    ):
        forget_finders()
        yield sheet
    forget_finders()


def forget_finders() -> None:
    """Django keeps its finders, and with them the folders that they look into."""
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]


def test_static_files_are_collected_again_only_when_one_changed(
    sheet: Path, tmp_path: Path
) -> None:
    said = [StringIO(), StringIO(), StringIO()]
    call_command("collect_static", stdout=said[0])
    os.utime(sheet, (1_900_000_000, 1_900_000_000))  # as a file has in an image
    call_command("collect_static", stdout=said[1])
    sheet.write_text("a { color: red }")
    os.utime(sheet, (2_000_000_000, 2_000_000_000))  # Django compares whole seconds
    call_command("collect_static", stdout=said[2])
    assert "1 static file copied" in said[0].getvalue()
    assert said[1].getvalue() == "The static files are those that were collected last.\n"
    assert "1 static file copied" in said[2].getvalue()
    assert (tmp_path / "collected" / "a.css").read_text() == "a { color: red }"
