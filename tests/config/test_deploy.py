"""The files of deploy/ for one machine: variables, units, alarms, the nightly backup."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from config.stack import processes
from config.stack.temporary import environment_for
from config.web import bodies
from models_registry.models import ModelVersion
from tests.factories import make_execution
from tests.fake_prefect import FakePrefect
from tests.test_settings import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
ASSIGNED = re.compile(r"^([A-Z0-9_]+)=", re.M)
IN_LABELS_OR_RANGES = re.compile(r"\{.*?\}|\[.*?\]")
OF_PROMETHEUS = {"up", "time", "sum", "increase"}


@pytest.mark.parametrize("name", ["plumbline.env.example", "site.env.example"])
def test_every_variable_of_an_example_is_one_that_the_product_reads(name: str) -> None:
    known = set(ASSIGNED.findall((REPOSITORY / ".env.example").read_text())) | {"PREFECT_HOME"}
    assert set(ASSIGNED.findall((DEPLOY / name).read_text())) <= known


@pytest.mark.parametrize("name", ["plumbline.env.example", "prefect.env.example"])
def test_systemd_and_a_shell_read_the_same_from_an_example(name: str) -> None:
    lines = (DEPLOY / name).read_text().splitlines()
    for line in filter(None, lines):
        assert line.startswith("#") or re.fullmatch(r'[A-Z0-9_]+="[^"$`\\]*"', line), line


def test_prefect_is_set_up_alike_with_compose_and_without() -> None:
    service = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]["prefect"]
    text = (DEPLOY / "prefect.env.example").read_text()
    switches = {name for name in service["environment"] if name.endswith(("ENABLED", "CONTENT"))}
    assert {f'{name}="{service["environment"][name]}"' for name in switches} <= {*text.split()}


def test_every_way_to_start_the_web_receives_requests_whole(tmp_path: Path) -> None:
    embedded = processes.web(environment_for(tmp_path)).argv
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    image = (REPOSITORY / "Dockerfile").read_text().replace('"', "").replace(",", "")
    for command in (
        " ".join(embedded),
        compose["services"]["web"]["command"],
        (DEPLOY / "run.sh").read_text(),
        image,
    ):
        assert "--worker-class config.web.front.Worker" in command


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_a_proxy_passes_large_files_on_as_they_come_and_only_to_the_pages_that_take_them(
    name: str,
) -> None:
    (pattern,) = re.findall(r"(\^/admin/\S+)", (DEPLOY / name).read_text())
    takes = re.compile(pattern)
    for page in bodies.files():
        assert takes.search(reverse(page, args=[7]))
    for page in bodies.files_of_programs():
        assert takes.search(reverse(page, args=["loan-risk"]))
    assert not takes.search("/api/v1/models/loan-risk/versions/1/tests")
    (pattern,) = re.findall(r"(\^/models/\S+)", (DEPLOY / name).read_text())
    takes_rows = re.compile(pattern)
    for page in bodies.files_of_people():
        assert takes_rows.search(reverse(page, args=["loan-risk"]))
    assert not takes_rows.search("/models/loan-risk/")
    for page in (
        "/admin/",
        "/accounts/login/",
        "/",
        "/admin/models_registry/modelversion/7/upload/x",
    ):
        assert not takes.search(page)


def test_nginx_keeps_what_it_receives_small() -> None:
    server, _, files = (DEPLOY / "nginx.conf").read_text().partition("location ~")
    assert "proxy_request_buffering off" not in server
    assert "proxy_request_buffering off" in files
    files, _, rows = files.partition("location ~")
    sizes = [
        int(re.findall(r"client_max_body_size\s+(\d+)m", part)[0]) for part in (server, files, rows)
    ]
    assert sizes[0] == bodies.OF_A_FORM // bodies.MB
    most = max((bodies.files() | bodies.files_of_programs()).values())
    assert sizes[1] >= most / bodies.MB
    assert sizes[2] >= max(bodies.files_of_people().values()) / bodies.MB


def test_a_unit_starts_what_is_there_and_may_change_nothing_else() -> None:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        text = unit.read_text()
        for right in ("User=plumbline", "NoNewPrivileges=yes", "CapabilityBoundingSet=\n",
                      "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes"):  # fmt: skip
            assert right in text, (unit.name, right)
        for script in re.findall(r"/opt/plumbline/(deploy/\S+)", text):
            assert (REPOSITORY / script).stat().st_mode & 0o111


def test_an_alarm_asks_for_figures_that_there_are(
    client: Client, settings: Settings, active_version: ModelVersion, fake_prefect: FakePrefect
) -> None:
    settings.METRICS_TOKEN = "secret"
    make_execution(version=active_version, error_code="MODEL")
    ModelVersion.objects.update(runtime="1.5")
    text = client.get("/metrics", headers={"Authorization": "Bearer secret"}).content.decode()
    given = set(re.findall(r"^([a-z_]+)[ {]", text, re.M)) | OF_PROMETHEUS
    groups = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        asked = set(re.findall(r"[a-z_]+", IN_LABELS_OR_RANGES.sub("", rule["expr"])))
        assert asked <= given, rule["alert"]
    assert 'status="failed"' in text
    assert 'purpose="prediction"' in text


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """deploy/backup.sh beside a program that stands for manage.py: it notes what it was asked and
    makes the folder."""
    program = tmp_path / "code" / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(
        '#!/bin/sh\necho "$@" >> asked\n'
        '[ ! -f broken ] || exit 1\n[ "$3" = --verify ] || mkdir "$3"\n'
    )
    program.chmod(0o755)
    script = tmp_path / "code" / "deploy" / "backup.sh"
    script.parent.mkdir()
    script.write_text((DEPLOY / "backup.sh").read_text())
    script.chmod(0o755)
    (tmp_path / "kept").mkdir()
    return tmp_path


def run_backup(installed: Path) -> int:
    script = installed / "code" / "deploy" / "backup.sh"
    variables = {"BACKUP_DIR": str(installed / "kept"), "BACKUP_KEEP_DAYS": "30"}
    return subprocess.run([script], env={"PATH": "/usr/bin:/bin"} | variables).returncode


def make_kept(installed: Path, *, days_ago: int, ending: str = "") -> Path:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    folder = installed / "kept" / f"{at:%Y-%m-%dT%H%M}{ending}"
    folder.mkdir()
    return folder


def test_a_nightly_backup_follows_the_last_is_read_again_and_removes_what_is_too_old(
    installed: Path,
) -> None:
    old, yesterday = make_kept(installed, days_ago=31), make_kept(installed, days_ago=1)
    broken_off = make_kept(installed, days_ago=2, ending=".partial")
    other = installed / "kept" / "before-the-move"
    other.mkdir()

    assert run_backup(installed) == 0

    assert not old.exists()
    assert not broken_off.exists()
    assert yesterday.exists()
    assert other.exists()
    made, verified = (installed / "code" / "asked").read_text().splitlines()
    _, _, new, *rest = made.split()
    assert rest == ["--previous", str(yesterday)]
    assert verified == f"manage.py backup --verify {new}"
    assert Path(new).is_dir()


def test_a_backup_that_fails_removes_none(installed: Path) -> None:
    old = make_kept(installed, days_ago=31)
    (installed / "code" / "broken").touch()
    assert run_backup(installed) != 0
    assert old.exists()
