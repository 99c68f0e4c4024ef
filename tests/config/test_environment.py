"""The environment variables of an operator, and the page that documents them."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.test_settings import REPOSITORY, REQUIRED


def ask(tmp_path: Path, expression: str, **environment: str) -> str:
    """Return what the settings hold in a process with only this environment, or its last words."""
    done = subprocess.run(
        [sys.executable, "-c", f"import os, config.settings as s; print({expression})"],
        cwd=REPOSITORY,
        env={"STACK_DIR": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def in_files(folder: Path, values: dict[str, str]) -> dict[str, str]:
    """Return the variables that name a file for each value."""
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")
    return {f"{name}_FILE": str(folder / name) for name in values}


def test_every_required_variable_may_be_a_file(tmp_path: Path) -> None:
    files = in_files(tmp_path, REQUIRED)
    assert ask(tmp_path, "s.SECRET_KEY", **files) == REQUIRED["SECRET_KEY"]
    both = ask(tmp_path, "s.DATABASES['default']['USER'], s.REDIS_URL", **files)
    assert both == f"nobody {REQUIRED['REDIS_URL']}"


def test_servers_named_in_files_are_not_mixed_with_the_embedded_ones(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("SITE_NAME=Embedded\nREDIS_URL=redis://embedded/0\n")
    files = in_files(tmp_path, REQUIRED)
    both = ask(tmp_path, "s.SITE_NAME, s.REDIS_URL", **files)
    assert both == f"Plumbline {REQUIRED['REDIS_URL']}"


def test_libraries_find_what_came_from_a_file_in_the_environment(tmp_path: Path) -> None:
    files = in_files(tmp_path, {"PREFECT_API_AUTH_STRING": "admin:secret"})
    answer = ask(tmp_path, "os.environ['PREFECT_API_AUTH_STRING']", **REQUIRED, **files)
    assert answer == "admin:secret"


def test_a_variable_that_differs_from_its_file_is_refused(tmp_path: Path) -> None:
    files = in_files(tmp_path, {"SITE_NAME": "From the file"})
    refusal = ask(tmp_path, "s.SITE_NAME", **REQUIRED, **files, SITE_NAME="Another")
    assert "SITE_NAME and SITE_NAME_FILE are both set and differ" in refusal
    same = ask(tmp_path, "s.SITE_NAME", **REQUIRED, **files, SITE_NAME="From the file")
    assert same == "From the file"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    refusal = ask(tmp_path, "s.SECRET_KEY", **REQUIRED, SITE_NAME_FILE="/nowhere/name")
    assert "SITE_NAME_FILE names /nowhere/name, which cannot be read" in refusal


def test_an_empty_file_is_named_and_never_replaced_by_a_default(tmp_path: Path) -> None:
    given = {name: value for name, value in REQUIRED.items() if name != "REDIS_URL"}
    files = in_files(tmp_path, {"REDIS_URL": ""})
    refusal = ask(tmp_path, "s.REDIS_URL", **given, **files)
    assert f"REDIS_URL_FILE names {tmp_path / 'REDIS_URL'}, which is empty" in refusal


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://relay:25", ("relay", 25, "", "", False, False)),
        ("submission://me:p%40ss@mail:587", ("mail", 587, "me", "p@ss", True, False)),
        ("smtp://me:secret@mail:465?ssl=true", ("mail", 465, "me", "secret", False, True)),
    ],
)
def test_mail_goes_plain_with_starttls_or_in_tls(
    tmp_path: Path, url: str, expected: tuple[object, ...]
) -> None:
    parts = ["HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL"]
    answer = ask(
        tmp_path, ", ".join(f"s.EMAIL_{part}" for part in parts), **REQUIRED, EMAIL_URL=url
    )
    assert answer == " ".join(map(str, expected))


def test_a_mail_server_in_unknown_words_is_refused_with_those_that_are_known(
    tmp_path: Path,
) -> None:
    refusal = ask(tmp_path, "1", **REQUIRED, EMAIL_URL="smtp+tls://me:secret@mail:587")
    assert "expected submission:// (STARTTLS)" in refusal
    assert "secret" not in refusal


def test_options_of_the_databases_url_are_kept(tmp_path: Path) -> None:
    url = REQUIRED["DATABASE_URL"] + "?sslmode=verify-full"
    options = ask(
        tmp_path,
        "s.DATABASES['default']['OPTIONS']['sslmode'], "
        "s.DATABASES['default']['OPTIONS']['options']",
        **REQUIRED | {"DATABASE_URL": url},
    )
    assert options == "verify-full -c statement_timeout=5000"


def test_without_keys_the_store_asks_for_the_machines_role(tmp_path: Path) -> None:
    empty = {"AWS_S3_ENDPOINT_URL": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    answer = ask(
        tmp_path,
        "s.AWS_S3_ENDPOINT_URL, s.AWS_ACCESS_KEY_ID, s.AWS_SECRET_ACCESS_KEY",
        **REQUIRED | empty,
    )
    assert answer == "None None None"


def test_the_page_about_the_settings_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("settings_reference")
    assert (REPOSITORY / "docs" / "configuration.md").read_text() == capsys.readouterr().out, (
        "Run: manage.py settings_reference > docs/configuration.md"
    )
