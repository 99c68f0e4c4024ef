"""`make`'s installation: detection, messages, and a new start after an incomplete one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from config.packages import install
from tests.test_settings import REPOSITORY

LOCKED = "requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository whose locks are empty, with the environment that was installed into
    it."""
    folder = tmp_path_factory.mktemp("made")
    program = folder / "config" / "packages" / "install.py"
    program.parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / program.relative_to(folder), program)
    shutil.copy(REPOSITORY / "Makefile", folder)
    for name in LOCKED:
        (folder / name).touch()
    done = run(folder, "run")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def clone(made: Path, tmp_path: Path) -> Path:
    """Return a copy of that repository."""
    return Path(shutil.copytree(made, tmp_path / "clone", symlinks=True))


def run(clone: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "config/packages/install.py", *words]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)


def make(clone: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", *words], cwd=clone, capture_output=True, text=True, check=False)


def test_an_environment_is_made_once(clone: Path) -> None:
    (clone / ".venv" / "bin" / "pip").unlink()
    done = run(clone, "run")
    assert (done.returncode, done.stdout) == (0, "")
    assert not (clone / ".venv" / "bin" / "pip").exists()


def test_a_changed_lock_is_installed_into_what_is_there(clone: Path) -> None:
    assert run(clone, "development").returncode == 0
    (clone / "requirements.txt").write_text("# another\n")
    assert run(clone, "run").returncode == 0
    assert set(json.loads((clone / ".venv" / ".installed").read_text())) == {*LOCKED}


def test_an_interrupted_installation_is_made_anew(clone: Path) -> None:
    (clone / ".venv" / ".unfinished").touch()
    (clone / ".venv" / "half-a-package").touch()
    done = run(clone, "run")
    assert "did not come to its end" in done.stdout
    assert not (clone / ".venv" / "half-a-package").exists()
    assert not (clone / ".venv" / ".unfinished").exists()


def test_an_installation_that_fails_is_not_taken_for_whole(clone: Path) -> None:
    (clone / "requirements.txt").write_text("no-such-package==1.0 --hash=sha256:" + "0" * 64)
    done = subprocess.run(
        [sys.executable, "-I", "config/packages/install.py", "run"], cwd=clone, capture_output=True,
        text=True, env={**os.environ, "PIP_NO_INDEX": "1", "PIP_RETRIES": "0"}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "no wheel for this machine" in done.stderr
    assert "no-such-package==1.0" in done.stderr
    assert (clone / ".venv" / ".unfinished").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(clone: Path) -> None:
    for link in (clone / ".venv" / "bin").glob("python*"):
        link.unlink()
    assert run(clone, "run").returncode == 0
    assert (clone / ".venv" / "bin" / "python").exists()


def test_another_python_than_that_of_the_environment_is_said(clone: Path) -> None:
    real = (clone / ".venv" / "bin" / "python").resolve()
    for link in (clone / ".venv" / "bin").glob("python*"):
        link.unlink()
    stranger = clone / ".venv" / "bin" / "python"
    stranger.write_text(
        f'#!/bin/sh\ncase "$*" in *version_info*) echo 3 99;; *) exec {real} "$@";; esac\n'
    )
    stranger.chmod(0o755)
    done = run(clone, "--named", "run")
    assert done.returncode == 1
    assert "The folder .venv is of Python 3.99" in done.stderr
    assert "remove .venv" in done.stderr


def test_a_python_that_does_not_serve_is_named_with_those_that_do(clone: Path) -> None:
    old = clone / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make(clone, "run", f"PYTHON={old}")
    assert done.returncode != 0
    assert "This needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert str(old) in done.stderr
    assert not (clone / ".venv" / ".unfinished").exists()


def test_a_python_without_venv_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(install.InstallError, match=r"apt-get install python3\.\d+-venv"):
        install.make_environment()


def test_too_little_space_is_said_before_anything_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10**8))
    with pytest.raises(install.InstallError, match=r"0\.1 GB are free and about 2\.2 GB"):
        install.check_space("development")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "no space left on the disk"),
        ("NewConnectionError(…): Failed to establish a new connection", "cannot be reached"),
        ("npm error code ENOTFOUND", "cannot be reached"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "lock names"),
        ("npm error code EACCES", "your rights"),
        ("Looking\nERROR: something else\nbye", "ERROR: something else"),
    ],
)
def test_the_cause_of_a_failure_is_said_in_plain_words(words: str, sentence: str) -> None:
    assert sentence in install.cause_in(words)


@pytest.mark.parametrize(("node", "npm"), [("v16.20.0", "8.19.0"), ("v20.1.0", "6.14.0"), ("", "")])
def test_a_node_or_npm_that_is_too_old_is_replaced_by_a_wheel(
    node: str, npm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in {"node": node, "npm": npm}.items():
        if version:
            (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
            (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    wheel = tmp_path / "python"
    wheel.write_text("#!/bin/sh\necho /wheel\n")
    wheel.chmod(0o755)
    monkeypatch.setattr(install, "PYTHON", wheel)
    npm_command, environment = install.npm_command()
    assert str(npm_command[0]) == "/wheel/bin/node"
    assert environment["PATH"].startswith("/wheel/bin:")


def test_who_may_not_install_programs_gets_the_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        install, "programs", lambda: {"Chromium": False, "Pango": True, "a font": False}
    )
    monkeypatch.setattr(install, "rights_to_install", lambda: None)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(
        install.InstallError,
        match="sudo apt-get install -y --no-install-recommends chromium fonts-dejavu-core",
    ):
        install.install_programs()


def test_no_lock_names_an_address() -> None:
    for lock in REPOSITORY.glob("requirements*.txt"):
        text = lock.read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text
