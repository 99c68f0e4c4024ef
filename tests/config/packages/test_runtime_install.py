"""Runtimes are installed whole or not at all, and everything in the way is said with the way out.

The locks here are empty, so that an installation takes a second; those of the product are installed
in `tests/model_host/test_runtimes.py`.
"""

import fcntl
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django.fixtures import Settings

from config import runtimes
from config.packages import runtime_install
from config.runtimes import RuntimeRefused
from config.stack.environment import REPOSITORY, Environment
from config.stack.status import runtimes_of
from models_registry.models import ModelVersion
from tests.factories import make_version

OWN = "{}.{}".format(*sys.version_info[:2])
TAG = OWN.replace(".", "")
KILLED = """
import os, signal, sys
from pathlib import Path
from config import runtimes
from config.packages import runtime_install
runtimes.LOCKS = Path(sys.argv[1])
runtime_install._pip = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
runtime_install.add("1.5", Path(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "locks"
    folder.mkdir()
    for name in (f"1.4-py{TAG}", f"1.5-py{TAG}", "1.2-py27"):
        (folder / f"scikit-learn-{name}.txt").write_text("# empty\n")
    monkeypatch.setattr(runtimes, "LOCKS", folder)
    monkeypatch.setattr(runtime_install, "NEEDED_BYTES", 1)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runtimes"


@pytest.fixture
def held(folder: Path) -> Iterator[None]:
    """The folder as another installation holds it."""
    folder.mkdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def hidden(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir() if one.name.startswith((".adding", ".removing"))]


def test_an_added_runtime_runs_and_says_what_it_holds(folder: Path) -> None:
    made = runtime_install.add("1.5", folder)

    assert runtimes.installed(folder) == {"1.5": made}
    assert (made.minor, made.python.rpartition(".")[0], made.extras) == ("1.5", OWN, ())
    python = runtimes.executable(folder, "1.5")
    where = subprocess.check_output([python, "-c", "import sys; print(sys.prefix)"], text=True)
    assert Path(where.strip()) == folder / "1.5"
    assert hidden(folder) == []


def test_a_patch_version_names_the_runtime_of_its_minor_version(folder: Path) -> None:
    assert runtime_install.add("1.5.2", folder).minor == "1.5"


def test_adding_what_is_there_changes_nothing(folder: Path) -> None:
    runtime_install.add("1.5", folder)
    before = (folder / "1.5").stat().st_ino
    said: list[str] = []

    runtime_install.add("1.5", folder, say=said.append)

    assert (folder / "1.5").stat().st_ino == before
    assert said == ["scikit-learn 1.5 is there already."]


def test_a_runtime_of_another_lock_is_installed_anew(folder: Path, locks: Path) -> None:
    old = runtime_install.add("1.5", folder)
    (locks / f"scikit-learn-1.5-py{TAG}.txt").write_text("# another\n")

    assert runtime_install.add("1.5", folder).lock != old.lock
    assert hidden(folder) == []


def test_an_installation_that_is_killed_leaves_no_half_of_a_runtime(
    folder: Path, locks: Path
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, locks, folder], cwd=REPOSITORY)
    assert done.returncode == -signal.SIGKILL
    assert hidden(folder) != []
    assert runtimes.installed(folder) == {}

    runtime_install.add("1.5", folder)

    assert hidden(folder) == []
    assert list(runtimes.installed(folder)) == ["1.5"]


def test_a_failed_installation_keeps_the_runtime_that_was_there(folder: Path, locks: Path) -> None:
    old = runtime_install.add("1.5", folder)
    (locks / f"scikit-learn-1.5-py{TAG}.txt").write_text("none==1 --hash=md5:00\n")

    with pytest.raises(RuntimeRefused, match="The packages were not installed"):
        runtime_install.add("1.5", folder)

    assert runtimes.installed(folder) == {"1.5": old}
    assert hidden(folder) == []


def test_no_network_is_said_as_that(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    with pytest.raises(RuntimeRefused, match=r"The package registry cannot be reached\."):
        runtime_install.add("1.5", folder, extras=["imbalanced-learn==0.12.4"])

    assert runtimes.installed(folder) == {}


def test_a_full_disk_is_said_before_anything_is_downloaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_install, "NEEDED_BYTES", 10**18)

    with pytest.raises(RuntimeRefused, match=r"too little space .* set RUNTIMES_DIR"):
        runtime_install.add("1.5", folder)


@pytest.mark.usefixtures("held")
def test_two_installations_at_once_are_one_too_many(folder: Path) -> None:
    with pytest.raises(RuntimeRefused, match="Another installation of a runtime is running"):
        runtime_install.add("1.5", folder)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("0.24", r"There is no runtime of scikit-learn 0\.24: there are 1\.2 to 1\.5"),
        ("1.10", r"There is no runtime of scikit-learn 1\.10"),
        ("1.2", rf"no wheels for Python {OWN}.* with Python 2\.7"),
        (runtimes.default_minor(), "is the product's own: it is always there"),
        ("newest", "is no version of scikit-learn"),
        ("../1.5", "is no version of scikit-learn"),
    ],
)
def test_what_cannot_be_added_is_refused_with_the_way_out(
    version: str, words: str, folder: Path
) -> None:
    with pytest.raises(RuntimeRefused, match=words):
        runtime_install.add(version, folder)


@pytest.mark.parametrize("extra", ["imbalanced-learn", "a>=1", "-r file", "a==1 --pre", "./a==1"])
def test_a_package_besides_is_named_with_its_version_and_nothing_else(
    extra: str, folder: Path
) -> None:
    with pytest.raises(RuntimeRefused, match="does not name one version"):
        runtime_install.add("1.5", folder, extras=[extra])


def test_a_package_of_the_lock_cannot_be_another(folder: Path, locks: Path) -> None:
    (locks / f"scikit-learn-1.5-py{TAG}.txt").write_text("scikit-learn==1.5.2\n")

    with pytest.raises(RuntimeRefused, match="stands in the runtime's lock"):
        runtime_install.add("1.5", folder, extras=["Scikit_Learn==1.4.0"])


def test_a_runtime_of_another_python_is_not_used_and_can_be_added_again(folder: Path) -> None:
    runtime_install.add("1.5", folder)
    record = folder / "1.5" / runtimes.RECORD
    record.write_text(json.dumps(json.loads(record.read_text()) | {"python": "3.9.1"}))

    found = runtimes.offer(folder, "1.5")

    assert found.installed is None
    assert f"installed by Python 3.9.1, and the product runs on {OWN}" in found.problem
    assert "manage.py runtime add 1.5" in found.problem
    runtime_install.add("1.5", folder)
    assert runtimes.offer(folder, "1.5").is_here


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"minor": "1.5", "libraries": []}'])
def test_a_folder_without_a_whole_record_is_no_runtime(content: str, folder: Path) -> None:
    (folder / "1.5").mkdir(parents=True)
    (folder / "1.5" / runtimes.RECORD).write_text(content)

    assert "is no whole runtime. Add it again" in runtimes.offer(folder, "1.5").problem
    assert runtimes.installed(folder) == {}


def test_a_record_reads_back_as_it_was_written(folder: Path) -> None:
    made = runtime_install.add("1.5", folder)

    assert runtimes.Runtime.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_what_models_need_is_not_removed_and_they_are_named(folder: Path) -> None:
    runtime_install.add("1.5", folder)

    with pytest.raises(RuntimeRefused, match="is needed by Churn v2, Loans v1"):
        runtime_install.remove("1.5", folder, needed_by=["Churn v2", "Loans v1"])

    assert runtimes.offer(folder, "1.5").is_here


def test_a_removed_runtime_is_gone(folder: Path) -> None:
    runtime_install.add("1.5", folder)

    runtime_install.remove("1.5", folder)

    assert not (folder / "1.5").exists()
    assert hidden(folder) == []
    with pytest.raises(RuntimeRefused, match=r"There is no runtime of scikit-learn 1\.5"):
        runtime_install.remove("1.5", folder)


def test_the_products_own_runtime_cannot_be_removed(folder: Path) -> None:
    with pytest.raises(RuntimeRefused, match="the product's own and cannot be removed"):
        runtime_install.remove(runtimes.default_minor(), folder)


def test_the_list_says_what_is_there_what_can_be_and_what_not(folder: Path) -> None:
    runtime_install.add("1.5", folder)
    own = runtimes.default_minor()

    told = {one.minor: one for one in runtimes.offers(folder)}

    assert list(told) == ["1.2", "1.4", "1.5", own]
    assert [one.minor for one in told.values() if one.is_here] == ["1.5", own]
    assert told["1.4"].problem == "Not installed: manage.py runtime add 1.4"
    assert f"has no wheels for Python {OWN}" in told["1.2"].problem


def test_a_runtime_whose_libraries_do_not_run_fails_its_check(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime_install.add("1.5", folder)  # with an empty lock, so without scikit-learn
    monkeypatch.setattr(runtimes, "LOCKS", REPOSITORY / "model_host" / "runtimes")

    with pytest.raises(RuntimeRefused, match=r"No module named .* runtime add 1\.5"):
        runtime_install.check("1.5", folder)


def test_the_command_says_why_it_does_nothing(folder: Path, settings: Settings) -> None:
    settings.RUNTIMES_DIR = folder

    with pytest.raises(CommandError, match=r"There is no runtime of scikit-learn 0\.24"):
        call_command("runtime", "add", "0.24")


def test_the_command_lists_a_line_for_each_version(
    folder: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.RUNTIMES_DIR = folder

    call_command("runtime", "list")

    told = capsys.readouterr().out.splitlines()
    assert told[1] == "1.4  Not installed: manage.py runtime add 1.4"
    assert told[-1] == f"{runtimes.default_minor()}  the product's own"


@pytest.fixture
def asked(settings: Settings, folder: Path) -> Path:
    """The folder that the command works on, with scikit-learn 1.5 in it."""
    settings.RUNTIMES_DIR = folder
    runtime_install.add("1.5", folder, say=lambda said: None)
    return folder


@pytest.mark.parametrize("status", ["draft", "active"])
def test_the_command_does_not_remove_what_a_live_version_or_a_draft_needs(
    db: None, asked: Path, status: str
) -> None:
    version = make_version(runtime="1.5", is_active=status == "active")

    for words in (["1.5"], ["1.5.2", "--force"]):
        with pytest.raises(CommandError, match=f"needed by {version}. Archive them or choose"):
            call_command("runtime", "remove", *words)

    assert list(runtimes.installed(asked)) == ["1.5"]


def test_the_command_removes_what_archived_versions_need_only_on_purpose(
    db: None, asked: Path
) -> None:
    version = make_version(runtime="1.5", status="archived")

    with pytest.raises(CommandError, match=f"served {version}.* runtime remove 1.5 --force"):
        call_command("runtime", "remove", "1.5")
    assert list(runtimes.installed(asked)) == ["1.5"]

    call_command("runtime", "remove", "1.5", "--force")
    assert runtimes.installed(asked) == {}


def test_the_command_removes_what_no_version_needs(db: None, asked: Path) -> None:
    make_version(runtime="1.4")

    call_command("runtime", "remove", "1.5")

    assert runtimes.installed(asked) == {}


def test_without_the_database_nothing_is_removed(asked: Path) -> None:
    with (
        patch.object(ModelVersion.objects, "filter", side_effect=OperationalError),
        pytest.raises(CommandError, match="The database does not answer"),
    ):
        call_command("runtime", "remove", "1.5")

    assert list(runtimes.installed(asked)) == ["1.5"]


def test_the_status_of_a_stack_names_the_runtimes_of_this_machine(folder: Path) -> None:
    runtime_install.add("1.5", folder)
    (folder / "1.4").mkdir()
    environment = Environment(folder.parent, {"RUNTIMES_DIR": str(folder)}, frozenset())

    first, broken = runtimes_of(environment).splitlines()

    own = runtimes.default_minor()
    assert first == f"Models are served by scikit-learn 1.5, {own} (the product's own)."
    assert broken.startswith("scikit-learn 1.4 cannot be used. What is in ")
    assert broken.endswith("Add it again: manage.py runtime add 1.4")
