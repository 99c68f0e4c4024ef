"""`manage.py backup` and `restore` on a real database and store, as an operator runs them."""

import io
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from accounts.activity import BACKUP_MADE
from accounts.models import ActivityEvent
from models_registry.models import ModelVersion
from models_registry.store.storage import artifact_key, stored_digest
from tests.flows.resident import serve_iris
from tests.test_settings import REPOSITORY


@dataclass(frozen=True)
class Answer:
    code: int
    printed: str
    complaints: str

    @property
    def said(self) -> str:
        return self.printed + self.complaints


@dataclass(frozen=True)
class Installation:
    """A database of this test's own, beside the store of all tests."""

    database: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings_test",
            "DATABASE_URL": self.database,
            "ARTIFACT_CACHE_DIR": str(self.folder / "cache"),
            "PREFECT_API_AUTH_STRING": "",
        }

    def _run(self, *argv: str) -> Answer:
        done = subprocess.run(
            [sys.executable, *argv], cwd=REPOSITORY, env=self.environment, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    def manage(self, *arguments: str) -> Answer:
        return self._run("manage.py", *arguments)

    def ask(self, what: str) -> dict[str, Any]:
        answer = self._run("-m", "tests.config.kept_installation", what)
        assert answer.code == 0, answer.said
        found = json.loads(answer.printed)
        assert isinstance(found, dict)
        return found

    def destroy(self, *sha256s: str) -> None:
        """Lose every table and these model files."""
        with psycopg.connect(self.database, autocommit=True) as there:
            there.execute("DROP SCHEMA public CASCADE")
            there.execute("CREATE SCHEMA public")
        for sha256 in sha256s:
            storages["artifacts"].delete(artifact_key(sha256))


@pytest.fixture
def installation(transactional_db: None, tmp_path: Path) -> Iterator[Installation]:
    """Yield an installation with the product's tables."""
    server = os.environ["DATABASE_URL"]
    name, tables = f"kept_{uuid.uuid4().hex}", connection.settings_dict["NAME"]
    connection.close()
    cast("Any", connection).close_pool()
    with psycopg.connect(server, autocommit=True) as beside:
        beside.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(tables)
            )
        )
    url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    yield Installation(url, tmp_path)
    with psycopg.connect(server, autocommit=True) as beside:
        beside.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def test_what_was_lost_comes_back_and_predicts_as_before(installation: Installation) -> None:
    before = installation.ask("fill")
    folder = str(installation.folder / "monday")

    made = installation.manage("backup", folder)
    assert (made.code, "2 model files" in made.said) == (0, True), made
    installation.destroy(before["old"])

    restored = installation.manage("restore", folder)
    assert restored.code == 0, restored
    assert "1 brought back, 1 in place" in restored.said
    assert "Predictions that go on: 2" in restored.said
    after = installation.ask("go_on")
    assert {name: after[name] for name in before if name != "old"} == {
        name: found for name, found in before.items() if name != "old"
    }
    (then,), (now,) = before["finished"][1]["targets"], after["targets"]
    assert (now["value"], now["confidence"]) == (then["value"], then["confidence"])
    # What waited and what ran when the backup was made is handed over anew, though its time was up.
    assert after["due"] == 2


def test_what_is_there_is_replaced_when_told(installation: Installation) -> None:
    before = installation.ask("publish")
    folder = str(installation.folder / "monday")
    assert installation.manage("backup", folder).code == 0
    alter(before["old"])
    with psycopg.connect(installation.database) as there:
        there.execute("CREATE TABLE of_tomorrow ()")

    restored = installation.manage("restore", folder, "--replace")

    assert (restored.code, "1 in place, 1 replaced" in restored.said) == (0, True), restored
    assert stored_digest(before["old"]) == before["old"]
    with psycopg.connect(installation.database) as there:
        tables = there.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert "of_tomorrow" not in {name for (name,) in tables}


@pytest.fixture
def kept_version(transactional_db: None) -> ModelVersion:
    """Return a version whose file no other test knows."""
    return serve_iris(uuid.uuid4().bytes)


@pytest.fixture
def monday(kept_version: ModelVersion, tmp_path: Path) -> Path:
    """Return a backup of the tests' own database."""
    call_command("backup", str(tmp_path / "monday"), stdout=io.StringIO())
    return tmp_path / "monday"


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command(*arguments, stdout=io.StringIO())
    return str(refused.value)


def test_a_backup_is_whole_private_and_takes_no_space_twice(
    monday: Path, kept_version: ModelVersion
) -> None:
    tuesday = monday.with_name("tuesday")
    call_command("backup", str(tuesday), "--previous", str(monday), stdout=io.StringIO())

    copy = f"models/{kept_version.sha256}"
    assert (tuesday / copy).samefile(monday / copy)
    assert monday.stat().st_mode & 0o077 == 0
    assert (monday / "database.dump").stat().st_mode & 0o077 == 0
    made = ActivityEvent.objects.filter(action=BACKUP_MADE).latest("pk")
    assert (made.actor, made.target) == (None, str(tuesday))
    said = io.StringIO()
    call_command("backup", "--verify", str(tuesday), stdout=said)
    assert "tuesday: whole" in said.getvalue()
    assert refusal("backup", str(monday)) == f"{monday} exists. Name a new folder."


def test_a_backup_that_was_altered_or_cut_is_found_and_restores_nothing(
    monday: Path, kept_version: ModelVersion
) -> None:
    damaged = monday / "models" / kept_version.sha256
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    assert f"{damaged} was altered" in refusal("backup", "--verify", str(monday))
    assert f"{damaged} was altered" in refusal("restore", str(monday), "--replace")

    damaged.unlink()
    assert refusal("restore", str(monday), "--replace") == f"{damaged} is missing."
    (monday / "manifest.json").unlink()
    assert "holds no whole backup" in refusal("restore", str(monday), "--replace")
    kept_version.refresh_from_db()


def test_a_database_that_is_not_empty_or_in_use_is_left_alone(monday: Path) -> None:
    assert refusal("restore", str(monday)).startswith("The database is not empty.")
    facts = connection.settings_dict
    with psycopg.connect(
        dbname=facts["NAME"], user=facts["USER"], password=facts["PASSWORD"],
        host=facts["HOST"], port=facts["PORT"],
    ):  # fmt: skip
        assert "The database is in use" in refusal("restore", str(monday), "--replace")
    assert ModelVersion.objects.exists()


def test_a_model_file_that_the_store_altered_is_named_and_not_kept(
    kept_version: ModelVersion, tmp_path: Path
) -> None:
    alter(kept_version.sha256)

    assert kept_version.sha256 in refusal("backup", str(tmp_path / "monday"))

    assert list((tmp_path / "monday" / "models").iterdir()) == []


def test_a_backup_of_newer_code_is_refused(monday: Path) -> None:
    manifest = json.loads((monday / "manifest.json").read_text())
    manifest["migrations"].append("executions.9999_of_tomorrow")
    (monday / "manifest.json").write_text(json.dumps(manifest))

    assert "executions.9999_of_tomorrow" in refusal("restore", str(monday), "--replace")


def alter(sha256: str) -> None:
    """Somebody who can write the store puts another file under this digest's name."""
    store, key = storages["artifacts"], artifact_key(sha256)
    store.delete(key)
    store.bucket.put_object(Key=key, Body=b"another file")  # type: ignore[attr-defined]
