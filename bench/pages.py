"""Server time of the pages that a full table could slow down, at two sizes of it.

`python -m bench.pages [FILE] [--executions 1000000]` starts servers and a web process of its own,
fills them (`bench/fill.py`), signs an admin in who also has 10,000 predictions, and asks for each
page 50 times, one request at a time and the pages in turn, so that what else the machine does falls
on all of them. First with 10,000 executions in the table, then with all. PERFORMANCE.md's targets:
p95 at most 100 ms, and at most 1.5 times that in a full table. `--in-place` measures the database
of the settings in force as it stands, once.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx

from bench import report, road
from bench.stack import FOLDER, REPOSITORY
from config.stack.testing import servers

TIMES = 50
WARM_UP = 5
EMAIL = "bench-1@example.com"
PASSWORD = "correct horse bench"
START_SECONDS = 30
PAGES = {
    "dashboard, 30 days": "/monitoring/",
    "dashboard, 2 days by the hour": "/monitoring/?from={yesterday}&to={today}",
    "dashboard, 90 days": "/monitoring/?from={quarter}&to={today}",
    "dashboard, 30 days of one model": "/monitoring/?model=bench-loan-risk",
    "failures": "/monitoring/failures/",
    "executions in admin": "/admin/executions/execution/",
    "executions in admin, failed": "/admin/executions/execution/?status=failed",
    "executions in admin, slow": "/admin/executions/execution/?slow=on",
    "executions in admin, a person": "/admin/executions/execution/?q=bench-7@",
    "history": "/history/",
    "history, a word": "/history/?q=repays",
    "history, an input": "/history/?q=age>40",
}


@contextmanager
def web() -> Iterator[str]:
    """A running web process as `manage.py up` runs it; yields the site's address."""
    address = os.environ["SITE_URL"]
    host = address.removeprefix("http://")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", host, "--workers", "2",
            "--threads", "4", "--preload", "--no-control-socket", "--log-level", "warning",
        ],
        cwd=REPOSITORY,
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


def measure() -> dict[str, list[float]]:
    """Milliseconds by page, in the order in which they were taken."""
    from django.utils import timezone

    from accounts.models import User

    person = User.objects.get(email=EMAIL)
    person.set_password(PASSWORD)
    person.save()
    _confirm(person)
    today = timezone.localdate()
    places = {
        "today": str(today),
        "yesterday": str(today - timedelta(days=1)),
        "quarter": str(today - timedelta(days=89)),
    }
    taken: dict[str, list[float]] = {name: [] for name in PAGES}
    with web() as address:
        cookies = road.sign_in(EMAIL, PASSWORD)
        with httpx.Client(base_url=address, cookies=cookies, timeout=60) as site:
            for number in range(WARM_UP + TIMES):
                for name, path in PAGES.items():
                    began = time.perf_counter()
                    answer = site.get(path.format(**places))
                    if answer.status_code != 200:
                        raise RuntimeError(f"{name} was answered with {answer.status_code}")
                    if number >= WARM_UP:
                        taken[name].append(1000 * (time.perf_counter() - began))
    return taken


def _confirm(person: object) -> None:
    from allauth.account.models import EmailAddress

    EmailAddress.objects.get_or_create(
        user=person, email=EMAIL, defaults={"verified": True, "primary": True}
    )


def settle() -> None:
    """What beat would have done: group the failures, count the days of an admin's timezone."""
    from accounts.models import User
    from monitoring import rollup
    from monitoring.failures import collecting

    User.objects.filter(email=EMAIL).update(is_staff=True)
    while collecting.collect():
        pass
    began = time.monotonic()
    days = rollup.keep_up()
    print(f"{days:,} days counted in {time.monotonic() - began:.1f} s", flush=True)


def show(told: dict[str, dict[str, list[float]]]) -> str:
    """One line a page: p50 and p95 at each size, and how many times the p95 grew."""
    sizes = list(told)
    lines = [" " * 34 + "".join(f"{size:>26}" for size in sizes)]
    for name in PAGES:
        tails = [statistics.quantiles(told[size][name], n=20)[-1] for size in sizes]
        cells = [
            f"p50 {statistics.median(told[size][name]):5.0f}   p95 {tail:5.0f} ms".rjust(26)
            for size, tail in zip(sizes, tails, strict=True)
        ]
        grew = f"{tails[-1] / tails[0]:6.1f} times" if len(tails) > 1 else ""
        lines.append(f"{name:34}{''.join(cells)}{grew}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=FOLDER / "pages.json")
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--in-place", action="store_true")
    arguments = parser.parse_args()
    if arguments.in_place:
        _prepare()
        from executions.models import Execution

        settle()
        told = {f"{Execution.objects.count():,}": measure()}
    else:
        told = _at_both_sizes(arguments.executions, arguments.people)
    print(f"\nload average {os.getloadavg()[0]:.1f} at the end\n\n{show(told)}")
    arguments.file.parent.mkdir(parents=True, exist_ok=True)
    arguments.file.write_text(json.dumps({"machine": report.machine(), "milliseconds": told}))


def _at_both_sizes(executions: int, people: int) -> dict[str, dict[str, list[float]]]:
    told = {}
    with servers(FOLDER / "pages") as environment:
        os.environ.update(environment.values)
        _prepare()
        from bench.fill import OWN, fill

        for size in (OWN, executions):
            fill(executions=size, people=people, say=lambda line: print(line, flush=True))
            settle()
            told[f"{size:,}"] = measure()
            print(f"measured at load {os.getloadavg()[0]:.1f}", flush=True)
    return told


def _prepare() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["LOG_LEVEL"] = "ERROR"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("collect_static")


if __name__ == "__main__":
    main()
