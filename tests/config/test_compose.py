"""The promises of docker-compose.yml: read from the file, and its commands run as processes."""

import http.client
import json
import os
import re
import stat
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import joblib
import psycopg
import pytest
from psycopg import sql
from sklearn.linear_model import LogisticRegression

from config.stack.servers import ports
from tests.clocks import PATIENCE_SECONDS
from tests.config.compose import Machine, compose
from tests.flows.resident import INPUTS, IRIS
from tests.test_settings import REPOSITORY

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
STEPS = {"migrate", "deployments"}
SITE = "models.example.org"
DATABASES = {"database": "postgresql", "prefect_database": "postgresql+asyncpg"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["user"] not in {"root", "0"}
    assert "/var/run/docker.sock" not in str(service.get("volumes"))


def test_every_image_of_others_is_pinned_to_an_exact_version_or_a_digest() -> None:
    text = (REPOSITORY / "Dockerfile").read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE))
    bases = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages
    ours = {service["image"] for service in SERVICES.values() if "build" in service}
    images = {service["image"] for service in SERVICES.values()} - ours
    for image in bases | images:
        assert re.search(r":v?\d+\.\d+(\.\d+)?\b|@sha256:", image), image


def test_the_image_has_programs_of_the_database_that_compose_runs() -> None:
    major = re.findall(r"postgres:(\d+)", SERVICES["postgres"]["image"])
    assert re.findall(r"postgresql-client-(\d+)", (REPOSITORY / "Dockerfile").read_text()) == major


def test_only_the_store_runs_in_the_image_that_has_embedded_servers() -> None:
    built = {
        each["image"]: each["build"]["target"] for each in SERVICES.values() if "build" in each
    }
    runs = {name: built[each["image"]] for name, each in SERVICES.items() if each["image"] in built}
    assert {name for name, target in runs.items() if target == "embedded"} == {"s3"}
    assert set(runs.values()) == {"product", "embedded"}


def test_an_image_is_built_by_one_service_and_never_pulled_under_its_name() -> None:
    """Current versions of Docker build in parallel, and refuse the second of two equal names."""
    built = [each["image"] for each in SERVICES.values() if "build" in each]
    assert sorted(built) == sorted(set(built))
    for service in SERVICES.values():
        assert service["image"] not in built or service["pull_policy"] == "never"


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - STEPS))
def test_a_service_says_whether_it_is_healthy_and_starts_again(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(STEPS))
def test_a_step_runs_once(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"


def test_only_the_web_and_the_mail_catcher_are_published_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "web": ["127.0.0.1:${PUBLISHED_PORT:-8000}:8000"],
        "mail": ["127.0.0.1:8025:8025"],
    }
    assert SERVICES["mail"]["profiles"] == ["mail"]


def test_only_who_serves_people_or_sends_mail_has_a_way_out() -> None:
    assert compose()["networks"]["inside"] == {"internal": True}
    with_a_way_out = {
        name for name, service in SERVICES.items() if "outside" in service["networks"]
    }
    assert with_a_way_out == {"web", "celery", "mail"}
    assert all("inside" in service["networks"] for service in SERVICES.values())
    assert not any("network_mode" in service for service in SERVICES.values())


def test_the_product_starts_after_the_migrations_and_what_it_needs() -> None:
    done, healthy = "service_completed_successfully", "service_healthy"
    for name in ("web", "celery", "beat", "deployments"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": done}
    assert SERVICES["worker"]["depends_on"]["deployments"] == {"condition": done}
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": healthy}
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": done if needed in STEPS else healthy}, name


def test_no_secret_stands_in_the_file_and_each_is_given_to_whoever_names_it(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    made = {file.name for file in tmp_path.iterdir()}
    assert {Path(secret["file"]).name for secret in compose()["secrets"].values()} == made
    for service in SERVICES.values():
        given = set(service.get("secrets", ()))
        text = json.dumps([service.get("environment"), service.get("command")])
        named = {name for name in made if f"/run/secrets/{name}" in text}
        assert named <= given <= made
    assert "prefect_database_url" not in SERVICES["worker"]["secrets"]
    assert "database_url" not in SERVICES["prefect"]["secrets"]


def test_secrets_are_made_once_are_private_and_fit_together(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    first = {file.name: file.read_text().strip() for file in folder.iterdir()}
    make_secrets(folder)
    assert {file.name: file.read_text().strip() for file in folder.iterdir()} == first
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(first["secret_key"]) >= 50
    for url, password in (("database", "product"), ("prefect_database", "prefect")):
        assert urlsplit(first[f"{url}_url"]).password == first[f"{password}_password"]
    assert urlsplit(first["redis_url"]).password == first["redis_password"]
    assert len(set(first.values())) == len(first)


@pytest.mark.parametrize("name", ["prefect", "s3", "redis"])
def test_a_server_with_an_empty_secret_says_which_and_does_not_start(
    name: str, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    make_secrets(secrets)
    text = SERVICES[name]["command"][2].replace("$$", "$").replace("/run/secrets", str(secrets))
    asked = sorted(set(re.findall(rf"{secrets}/(\w+)", text)))
    assert asked
    for secret in asked:
        whole = (secrets / secret).read_text()
        (secrets / secret).write_text("")
        done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert f"secrets/{secret} is empty: run deploy/make-secrets.sh" in done.stderr
        (secrets / secret).write_text(whole)


def test_an_empty_secret_is_made_anew(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    (tmp_path / "secret_key").write_text("")
    make_secrets(tmp_path)
    assert len((tmp_path / "secret_key").read_text()) >= 50


def make_secrets(folder: Path) -> None:
    subprocess.run([REPOSITORY / "deploy" / "make-secrets.sh", folder], check=True, text=True)


@pytest.fixture
def machine(transactional_db: None, tmp_path: Path) -> Iterator[Machine]:
    """Yield the compose file's services on this machine, with databases of their own in the tests'
    PostgreSQL. The image's PostgreSQL is the one that is not run."""
    server = os.environ["DATABASE_URL"]
    names: list[sql.Identifier] = []
    taken: set[int] = set()
    inside = ("redis:6379", "s3:9000", "metrics:9567", "prefect:4200", "web:8000")
    free = {address: ports.choose(taken=taken) for address in inside}
    site = {"SITE_URL": f"https://{SITE}", "ALLOWED_HOSTS": SITE, "TRUSTED_PROXIES": "1"}
    machine = Machine(tmp_path, free, site | {"WEB_PORT": str(free["web:8000"])})
    secrets = tmp_path / "run" / "secrets"
    make_secrets(secrets)
    with psycopg.connect(server, autocommit=True) as there:
        for kind, scheme in DATABASES.items():
            database = f"{kind}_{uuid.uuid4().hex}"
            names.append(sql.Identifier(database))
            there.execute(sql.SQL("CREATE DATABASE {}").format(names[-1]))
            url = urlsplit(server)._replace(scheme=scheme, path=f"/{database}")
            (secrets / f"{kind}_url").write_text(urlunsplit(url))
    redis = machine.here((secrets / "redis_url").read_text())
    (secrets / "redis_url").write_text(redis)
    (secrets / "email_url").write_text("console:")
    yield machine
    machine.stop()
    with psycopg.connect(server, autocommit=True) as there:
        for name in names:
            there.execute(sql.SQL("DROP DATABASE {}").format(name))


@pytest.mark.xdist_group("prefect")
def test_the_commands_of_every_service_together_make_a_prediction(machine: Machine) -> None:
    machine.start("redis", "s3", "prefect")
    machine.run("migrate")
    machine.run("deployments")
    machine.run("web", "python", "manage.py", "collect_static")  # as the image does
    machine.start("web", "celery", "beat", "worker")

    machine.run(
        "web", "env", "DJANGO_SUPERUSER_PASSWORD=a sentence to sign in with", "python", "manage.py",
        "createsuperuser", "--no-input", "--email", "root@example.org",
    )  # fmt: skip
    model = machine.folder / "model.joblib"
    joblib.dump(LogisticRegression(max_iter=500).fit(IRIS.data, IRIS.target), model)
    inputs, by = json.dumps(INPUTS), ("--by", "root@example.org", "--json")
    published = machine.run(
        "web", "python", "manage.py", "publish_model", str(model), "--model", "Iris", "--test",
        inputs, "--promote", *by,
    )  # fmt: skip
    assert json.loads(published)["status"] == "active"
    answer = json.loads(
        machine.run("web", "python", "manage.py", "predict", "Iris", "--inputs", inputs, *by)
    )
    assert answer["status"] == "succeeded"

    assert ask(machine, "/healthz") == (200, None)
    assert ask(machine, "/") == (301, f"https://{SITE}/")
    status, location = ask(machine, "/", **{"X-Forwarded-Proto": "https"})
    assert (status, str(location).startswith("/accounts/login/")) == (302, True)
    assert ask(machine, "/", Host="elsewhere.example.org")[0] == 400
    lines = machine.log("worker").read_text().splitlines()
    assert any(json.loads(line)["event"].startswith("prediction_finished") for line in lines)


def ask(machine: Machine, path: str, **headers: str) -> tuple[int, str | None]:
    """Return the web's answer to somebody beside it, as a proxy is."""
    port = machine.ports["web:8000"]
    web = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    with closing(web) as connection:
        connection.request("GET", path, headers={"Host": SITE} | headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location")
