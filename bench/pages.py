"""Server time of the pages that a full table could slow down, at two table sizes.

`python -m bench.pages [FILE] [--executions 1000000]` starts servers of its own with two databases,
one of 10,000 executions and one of all (`bench/fill.py`), and a web process on each; signs an admin
in who also has 10,000 predictions; and asks for each page 50 times, one request at a time, of the
one site and of the other in turn, so that what else the machine does falls on both alike.
The target: in a full table a page's p50 is at most 1.5 times that in a small one, in the same run.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
from psycopg import sql

from bench import report
from bench.prediction import round_trip
from bench.prediction.first import scrape
from bench.stack import FOLDER, LIMITS, METRICS_TOKEN, REPOSITORY
from config.stack.servers import ports
from config.stack.temporary import servers

TIMES = 50
TOKEN = "plb_bench-of-pages"
WARM_UP = 5
EMAIL = "bench-1@example.com"
PASSWORD = "correct horse bench"
START_SECONDS = 30
FEW = 10_000
PAGES = {
    "dashboard, 30 days": "/monitoring/",
    "dashboard, 2 days by the hour": "/monitoring/?from={yesterday}&to={today}",
    "dashboard, 90 days": "/monitoring/?from={quarter}&to={today}",
    "dashboard, 30 days of one model": "/monitoring/?model=bench-loan-risk",
    "failures": "/monitoring/failures/",
    "executions in admin": "/admin/executions/execution/",
    "executions in admin, failed": "/admin/executions/execution/?status=failed",
    "executions in admin, slow": "/admin/executions/execution/?slow=on",
    "executions in admin, a person": "/admin/executions/execution/?q=bench-1@",
    "executions in admin, not reviewed": "/admin/executions/execution/?status=failed&review=open",
    "executions in admin, a version": "/admin/executions/execution/?version={version}",
    "executions in admin, 30 days": "/admin/executions/execution/?start={month}&end={today}",
    "a group of failures": "/monitoring/failures/{group}/",
    "health": "/monitoring/health/",
    "requests for help": "/monitoring/requests/",
    "admin": "/admin/",
    "a model in admin": "/admin/models_registry/registeredmodel/{model}/change/",
    "a version in admin": "/admin/models_registry/modelversion/{version}/change/",
    "history": "/history/",
    "history, failed": "/history/?status=failed",
    "history, a word": "/history/?q=repays",
    "history, an input": "/history/?q=age>40",
    "deleted": "/history/deleted/",
    "home": "/",
    "form": "/models/bench-loan-risk/",
    "presets and suggestions": "/presets/",
    "API, predictions": "/api/v1/predictions",
    "metrics": "/metrics",
}


TOKENS = {"/api/v1/predictions": TOKEN, "/metrics": METRICS_TOKEN}


def environment_of(values: Mapping[str, str], size: int, port: int) -> dict[str, str]:
    """Return what a process needs to work on the database of one size, made if it is not there."""
    address = urlsplit(values["DATABASE_URL"])
    name = f"pages_{size}"
    with psycopg.connect(address.geturl(), autocommit=True) as server:
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return {
        **os.environ,
        **values,
        "DATABASE_URL": urlunsplit(address._replace(path=f"/{name}")),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "ERROR",
        **LIMITS,
        "METRICS_TOKEN": METRICS_TOKEN,
        "SITE_URL": f"http://{ports.LOOPBACK}:{port}",
    }


@contextmanager
def web(environment: Mapping[str, str]) -> Iterator[str]:
    """Run a web process as `manage.py up` does; yield the site's address."""
    address = environment["SITE_URL"]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "config.wsgi", "--bind",
            address.removeprefix("http://"), "--worker-class", "config.web.front.Worker",
            "--workers", "2", "--threads", "4", "--preload",
            "--no-control-socket", "--log-level", "warning",
        ],
        cwd=REPOSITORY,
        env=dict(environment),
    )  # fmt: skip
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the web process did not start")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def ids_in(database: str) -> dict[str, int]:
    """Return the ids that pages are asked for: the model of most executions, its live version, and
    the group of most failures."""
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT model.id, version.id, (SELECT id FROM monitoring_failuregroup"
            " ORDER BY count DESC, id LIMIT 1)"
            " FROM models_registry_registeredmodel model JOIN models_registry_modelversion version"
            " ON version.model_id = model.id"
            " WHERE model.slug = 'bench-loan-risk' AND version.status = 'active'"
        ).fetchone()
    assert row is not None, "the database is filled"
    return dict(zip(("model", "version", "group"), row, strict=True))


def measure(
    environments: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, dict[str, list[float]]], dict[str, list[float]]]:
    """Return milliseconds by size and page, in the order in which they were taken, and by size
    those of /metrics: what a fresh web process has to count is everything, then only what is
    new."""
    today = datetime.now(UTC).date()
    places = {
        "today": str(today),
        "yesterday": str(today - timedelta(days=1)),
        "month": str(today - timedelta(days=29)),
        "quarter": str(today - timedelta(days=89)),
    }
    taken: dict[str, dict[str, list[float]]] = {
        size: {name: [] for name in PAGES} for size in environments
    }
    with ExitStack() as stack:
        sites, scrapes, found = {}, {}, {}
        for size, environment in environments.items():
            address = stack.enter_context(web(environment))
            scrapes[size] = [scrape(address), scrape(address)]
            found[size] = places | ids_in(environment["DATABASE_URL"])
            cookies = round_trip.sign_in(EMAIL, PASSWORD, address=address)
            site = httpx.Client(base_url=address, cookies=cookies, timeout=60)
            sites[size] = stack.enter_context(site)
        for number in range(WARM_UP + TIMES):
            for name, path in PAGES.items():
                for size, site in sites.items():
                    token = TOKENS.get(path)
                    headers = {"Authorization": f"Bearer {token}"} if token else {}
                    began = time.perf_counter()
                    answer = site.get(path.format(**found[size]), headers=headers)
                    if answer.status_code != 200:
                        raise RuntimeError(f"{name} was answered with {answer.status_code}")
                    if number >= WARM_UP:
                        taken[size][name].append(1000 * (time.perf_counter() - began))
    return taken, scrapes


def prepare(executions: int, people: int) -> None:
    """Fill the database of the settings in force, and do what beat would have done: group the
    failures, count the use of versions and the days of the admin's timezone. What autovacuum does
    within a minute is done at once."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("collect_static")
    from allauth.account.models import EmailAddress
    from django.db import connection
    from django.utils import timezone

    from accounts.models import ApiToken, User
    from accounts.tokens.services import digest_of
    from bench.fill import OWN, fill
    from executions.records.use import count_use
    from monitoring.dashboard import rollup
    from monitoring.failures import collecting

    fill(executions=executions, people=people, own=OWN, say=lambda line: print(line, flush=True))
    person = User.objects.get(email=EMAIL)
    person.is_staff = True
    person.set_password(PASSWORD)
    person.save()
    EmailAddress.objects.get_or_create(user=person, email=EMAIL, verified=True, primary=True)
    ApiToken.objects.get_or_create(
        digest=digest_of(TOKEN),
        defaults={
            "user": person,
            "name": "Bench",
            "scopes": ["read"],
            "expires_at": timezone.now() + timedelta(days=1),
        },
    )
    while collecting.collect():
        pass
    count_use()
    began = time.monotonic()
    days = rollup.keep_up()
    print(f"{days:,} days counted in {time.monotonic() - began:.1f} s", flush=True)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE executions_execution")


def show(told: Mapping[str, Mapping[str, list[float]]]) -> str:
    """Return one line a page: p50 and p95 at each size, and how many times the p50 grew."""
    sizes = list(told)
    lines = [" " * 34 + "".join(f"{size:>26}" for size in sizes)]
    for name in PAGES:
        middles = [statistics.median(told[size][name]) for size in sizes]
        cells = [
            f"p50 {middle:5.0f}   p95 {statistics.quantiles(told[size][name], n=20)[-1]:5.0f} ms"
            for size, middle in zip(sizes, middles, strict=True)
        ]
        columns = "".join(cell.rjust(26) for cell in cells)
        lines.append(f"{name:34}{columns}{middles[-1] / middles[0]:7.2f} times")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=FOLDER / "pages.json")
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--fill", type=int, help=argparse.SUPPRESS)  # its own second process
    arguments = parser.parse_args()
    if arguments.fill:
        prepare(arguments.fill, arguments.people)
        return
    with servers(FOLDER / "pages") as servers_environment:
        environments = {}
        for size in (FEW, arguments.executions):
            values = servers_environment.values
            environment = environment_of(values, size, ports.choose(taken=set()))
            environments[f"{size:,}"] = environment
            again = [sys.executable, "-m", "bench.pages", "--fill", str(size)]
            people = ["--people", str(arguments.people)]
            subprocess.run([*again, *people], cwd=REPOSITORY, env=environment, check=True)
        before = os.getloadavg()[0]
        told, scrapes = measure(environments)
    print(f"\nload average {before:.1f} to {os.getloadavg()[0]:.1f}\n\n{show(told)}")
    for size, (first, second) in scrapes.items():
        print(f"/metrics with {size}: first {first:,.0f} ms, second {second:,.0f} ms")
    content = {"machine": report.machine(), "milliseconds": told, "scrapes_ms": scrapes}
    report.write(arguments.file, content)


if __name__ == "__main__":
    main()
