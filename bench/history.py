"""`python -m bench.history [--executions 1000000]`: server time of the history's pages for a person
with 10,000 predictions, first alone in the table and then among many (the targets: p95 at most
100 ms, and at most 1.5 times that in a full table). In servers of its own."""

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import report
from bench.stack import FOLDER
from config.stack.temporary import servers

if TYPE_CHECKING:
    from accounts.models import User

TIMES = 60
WARM_UP = 3
PAGES = {
    "first page": "",
    "a common word": "q=repays",
    "a word found nowhere": "q=nowhere",
    "an input": "q=age>40",
    "an input, a word and a minus": "q=amount:10000..20000+defaults+-car",
    "failed": "status=failed",
    "30 days and a word": "from={month}&to={today}&q=home",
    "page 200": "before={deep}",
}


def measure() -> dict[str, tuple[float, float]]:
    """p50 and p95 in milliseconds, by page."""
    from django.test import Client

    from accounts.models import User

    person = User.objects.get(email="bench-1@example.com")
    client = Client(SERVER_NAME="localhost")
    client.force_login(person)
    places = _places(person)
    found = {}
    for name, query in PAGES.items():
        address = f"/history/?{query.format(**places)}"
        taken = []
        for _ in range(WARM_UP + TIMES):
            began = time.perf_counter()
            response = client.get(address)
            taken.append(1000 * (time.perf_counter() - began))
            assert response.status_code == 200, response.content.decode()[:500]
        del taken[:WARM_UP]
        found[name] = (statistics.median(taken), statistics.quantiles(taken, n=20)[-1])
    return found


def _places(person: "User") -> dict[str, str]:
    from datetime import timedelta

    from django.utils import timezone

    from executions.models import Execution

    deep = Execution.objects.filter(user=person).order_by("-requested_at", "-pk")[4999]
    today = timezone.localdate()
    month = today - timedelta(days=29)
    return {"deep": str(deep.pk), "today": str(today), "month": str(month)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.history")
    parser.add_argument("file", nargs="?", type=Path, default=FOLDER / "history.json")
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=500)
    arguments = parser.parse_args()
    with servers(Path(FOLDER) / "history") as environment:
        os.environ.update(environment.values)
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        os.environ["LOG_LEVEL"] = "ERROR"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("collect_static")
        from bench.fill import OWN, fill

        sizes = (OWN, arguments.executions)
        told = []
        for size in sizes:
            fill(executions=size, people=arguments.people, say=lambda line: print(line, flush=True))
            told.append(measure())
    few, many = told
    print(f"\n{'':30}{sizes[0]:>12,} in the table{sizes[1]:>18,} in the table")
    for name in PAGES:
        ratio = many[name][1] / few[name][1]
        print(
            f"{name:30}p50 {few[name][0]:5.0f} p95 {few[name][1]:5.0f} ms"
            f"     p50 {many[name][0]:5.0f} p95 {many[name][1]:5.0f} ms   {ratio:4.1f} times"
        )
    p50_p95 = {f"{size:,}": taken for size, taken in zip(sizes, told, strict=True)}
    report.write(arguments.file, {"machine": report.machine(), "p50_p95_ms": p50_p95})


if __name__ == "__main__":
    main()
