"""`python -m bench.batch [FILE] [--workers]`: many rows, from a file or a program to their answers.

On the stack of `bench.stack`, with its forest of 100 trees on iris, by turns in one run:

- a spreadsheet is uploaded, read, checked and run on the pages, and its results are downloaded as
  CSV; each address is asked for as a browser asks, and the progress as often as the page does;
- `mlflow models serve` answers the same rows with the same forest, 1,000 in a request;
- a form and a call of the API for one row, and 1,000 rows in one call;
- forms while nothing else and while many rows run; the web's memory before, during the upload and
  during the downloads of many rows;
- with ``--workers``: the many rows by one worker and by two.

MLflow needs libraries of its own: it is that of `make peers`, or of ``--peers FOLDER``.
"""

import argparse
import io
import os
import random
import re
import statistics
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import xlsxwriter

from bench import cores, memory, mlflow, people, report, stack, targets
from bench.prediction import round_trip
from config.stack.supervision import record

ROWS, MANY, ROUNDS, CALLS = 10_000, 100_000, 5, 40
A_REQUEST = 1_000
LOOK_SECONDS = 0.1
Table = list[list[Any]]


def table_of(count: int, seed: int = 0) -> Table:
    """Return rows within the range of iris, each with a name that is given back."""
    invented = random.Random(seed)
    ranges = ((4.3, 7.9), (2.0, 4.4), (1.0, 6.9), (0.1, 2.5))
    return [
        [f"Case {number}", *(round(invented.uniform(*one), 2) for one in ranges)]
        for number in range(count)
    ]


def as_xlsx(header: list[str], rows: Table) -> bytes:
    into = io.BytesIO()
    with xlsxwriter.Workbook(into, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([header, *rows]):
            sheet.write_row(number, 0, row)
    return into.getvalue()


def as_csv(header: list[str], rows: Table) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in [header, *rows]).encode()


class Bringer:
    """Somebody signed in, with the page for many rows of one model open."""

    def __init__(self, number: int, slug: str) -> None:
        from django.conf import settings

        cookies = round_trip.sign_in(people.ADDRESS.format(number), settings.DEMO_PASSWORD)
        self._site = httpx.Client(
            base_url=settings.SITE_URL, timeout=120, cookies=cookies, follow_redirects=True
        )
        self._path = f"/models/{slug}/rows/"
        self._token = round_trip.token_of(self._site.get(self._path).text)
        self.seconds: dict[str, float] = {}

    def submit(self, name: str, content: bytes) -> uuid.UUID:
        """Upload the file, look how it is read, check it, and run it."""
        with self._timed("uploaded and read"):
            read = self._post(self._path, files={"file": (name, content)})
        with self._timed("checked"):
            checked = self._post(read.url.path, {"act": "check"})
        if not checked.url.path.endswith("/check/"):
            raise RuntimeError(f"the rows were not checked: {checked.url}")
        with self._timed("accepted"):
            run = self._post(checked.url.path.replace("/check/", "/run/"))
        self._page = run.text
        return uuid.UUID(run.url.path.split("/")[2])

    def wait(self, execution: uuid.UUID) -> None:
        """Ask for the progress as the page does, until it loads the finished page."""
        with self._timed("computed and seen"):
            asks = re.compile(r'hx-get="([^"]+/status/[^"]*)" hx-trigger="load delay:(\d+)ms')
            while found := asks.search(self._page):
                time.sleep(int(found[2]) / 1000)
                answer = self._site.get(found[1], headers={"HX-Request": "true"})
                self._page = answer.raise_for_status().text
            self._site.get(f"/predictions/{execution}/rows/").raise_for_status()

    def download(self, execution: uuid.UUID, kind: str) -> int:
        """Download the results; return the file's size, or for a CSV file its number of rows."""
        path, size = f"/predictions/{execution}/rows/download/{kind}/", 0
        form = {"csrfmiddlewaretoken": self._token}
        with (
            self._timed(f"downloaded as {kind}"),
            self._site.stream("POST", path, data=form) as came,
        ):
            for chunk in came.raise_for_status().iter_bytes():
                size += chunk.count(b"\n") if kind == "csv" else len(chunk)
        return size - 1 if kind == "csv" else size

    def _post(self, path: str, form: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        data = {"csrfmiddlewaretoken": self._token} | (form or {})
        return self._site.post(path, data=data, **more).raise_for_status()

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[step] = round(time.perf_counter() - began, 3)


def computing_seconds(execution: uuid.UUID) -> float:
    """Return the seconds from where a worker took the batch to its last row."""
    from executions.models import Execution

    row = Execution.objects.get(pk=execution)
    if row.status != "succeeded":
        raise RuntimeError(f"the batch {row.public_id} ended as {row.status}: {row.message}")
    assert row.started_at is not None
    assert row.finished_at is not None
    return float((row.finished_at - row.started_at).total_seconds())


def road(bringer: Bringer, header: list[str], rows: Table) -> dict[str, float]:
    """Take a spreadsheet all the way to its file of results; the seconds of each step."""
    content = as_xlsx(header, rows)
    began = time.perf_counter()
    execution = bringer.submit("rows.xlsx", content)
    bringer.wait(execution)
    count = bringer.download(execution, "csv")
    total = time.perf_counter() - began
    if count != len(rows):
        raise RuntimeError(f"{len(rows)} rows were brought and {count} came back")
    computing = computing_seconds(execution)
    return bringer.seconds | {"total": round(total, 3), "computing": round(computing, 3)}


def scored(scorer: mlflow.Scorer, rows: Table, seconds: list[float]) -> list[Any]:
    """Have MLflow answer the rows, 1,000 in a request, and note the seconds."""
    began = time.perf_counter()
    answers: list[Any] = []
    for first in range(0, len(rows), A_REQUEST):
        answers += scorer.answers([row[1:] for row in rows[first : first + A_REQUEST]])
    seconds.append(round(time.perf_counter() - began, 3))
    return answers


class Program:
    """A program that asks the API for predictions of one model and waits for them."""

    def __init__(self, slug: str, names: list[str]) -> None:
        from django.conf import settings

        from accounts.models import User
        from accounts.tokens.services import make_token

        user = User.objects.get(email="user@example.com")
        self._row, secret = make_token(user=user, name="Bench", scopes=["predict"], by=user)
        headers = {"Authorization": f"Bearer {secret}", "Prefer": "wait=10"}
        self._site = httpx.Client(base_url=settings.SITE_URL, timeout=60, headers=headers)
        self._path, self._names = f"/api/v1/models/{slug}/predictions", names
        self.answers: list[Any] = []

    def ask(self, rows: Table) -> float:
        """Ask for the rows, or for one as an object; return the milliseconds to the answer."""
        named = [dict(zip(self._names, row[1:], strict=True)) for row in rows]
        began = time.perf_counter()
        answer = self._site.post(self._path, json={"inputs": named if len(rows) > 1 else named[0]})
        taken = 1000 * (time.perf_counter() - began)
        if answer.status_code != 200:
            raise RuntimeError(f"the API answered with {answer.status_code}: {answer.text[:300]}")
        told = answer.json()
        results = [row["result"] for row in told.get("rows") or [told]]
        self.answers = [one["targets"][0]["value"] for one in results]
        return round(taken, 1)

    def close(self) -> None:
        self._row.delete()


def forms_while(
    person: round_trip.Person, watcher: round_trip.Watcher, count: int, going_on: Callable[[], bool]
) -> list[float]:
    """Return the milliseconds of up to ``count`` forms, those that ended while it went on."""
    taken: list[float] = []
    while len(taken) < count and going_on():
        sample = round_trip.one(person, watcher)
        if sample.row_ms is None or sample.status != "succeeded":
            raise RuntimeError(f"a form's prediction ended as {sample.status}")
        if going_on():
            taken.append(sample.row_ms)
    return taken


def is_open(execution: uuid.UUID) -> bool:
    from executions.models import Execution

    return Execution.objects.filter(pk=execution).exclude(status__in=Execution.FINISHED).exists()


@contextmanager
def web_memory() -> Iterator[list[float]]:
    """Yield the megabytes (PSS) that the web server and its workers hold, ten times a second."""
    running = record.read(stack.STACK)
    assert running is not None, "a stack that runs has a record"
    pid = running.processes["web"].identity.pid
    seen = [memory.of(memory.family(pid)).pss_mb]
    stopping = threading.Event()

    def look() -> None:
        while not stopping.wait(LOOK_SECONDS):
            seen.append(memory.of(memory.family(pid)).pss_mb)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        stopping.set()
        looking.join()


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return every sample."""
    from django.conf import settings

    from models_registry.models import ModelVersion

    version = ModelVersion.objects.active().get(model__name=stack.MODEL)
    slug, names = version.model.slug, [one.name for one in version.features.as_schema().features]
    header = ["case", *names]
    people.make_accounts(asked.rounds + 5, settings.DEMO_PASSWORD)
    bringers = iter(range(asked.rounds + 5))
    rows, many = table_of(asked.rows), table_of(asked.many, seed=1)
    watcher, program = round_trip.Watcher(), Program(slug, names)
    person = round_trip.Person(round_trip.sign_in("user@example.com", settings.DEMO_PASSWORD), slug)
    told: dict[str, Any] = {"rows": asked.rows, "many": asked.many, "road_seconds": []}
    told |= {"thousand_ms": [], "mlflow_seconds": []}
    told |= {"many_computing_seconds": [], "mlflow_many_seconds": []}
    with ExitStack() as ending:
        ending.callback(program.close)
        scorer = ending.enter_context(mlflow.serving(asked.peers, names))
        road(Bringer(next(bringers), slug), header, rows[:A_REQUEST])  # fills caches
        for turn in range(asked.rounds):
            print(f"{asked.rows:,} rows, {turn + 1} of {asked.rounds}", flush=True)
            told["road_seconds"].append(road(Bringer(next(bringers), slug), header, rows))
            told["thousand_ms"].append(program.ask(rows[:A_REQUEST]))
            if scorer is not None:
                answers = scored(scorer, rows, told["mlflow_seconds"])
                if answers[:A_REQUEST] != program.answers:
                    raise RuntimeError("the API and MLflow do not give the same answers")
        calls: dict[str, list[float]] = {"form": [], "API": []}
        for _ in range(asked.calls):
            calls["form"] += forms_while(person, watcher, 1, lambda: True)
            calls["API"].append(program.ask(rows[:1]))
        told["calls_ms"] = calls
        print(f"forms beside {asked.many:,} rows", flush=True)
        content = as_csv(header, many)
        idle = forms_while(person, watcher, asked.calls, lambda: True)
        bringer = Bringer(next(bringers), slug)
        execution = bringer.submit("many.csv", content)
        busy = forms_while(person, watcher, 10 * asked.calls, lambda: is_open(execution))
        bringer.wait(execution)
        told["form_ms"] = {"idle": idle, "busy": busy}
        print(f"the web's memory with {asked.many:,} rows", flush=True)
        bringer = Bringer(next(bringers), slug)
        with web_memory() as held:
            execution = bringer.submit("many.csv", content)
        with web_memory() as running:
            bringer.wait(execution)
        with web_memory() as taken:
            bringer.download(execution, "csv")
            bringer.download(execution, "xlsx")
        told["web_mb"] = {"upload": held, "running": running, "download": taken}
        told["many_seconds"] = bringer.seconds
        for turn in range(2):
            print(f"{asked.many:,} rows computed, {turn + 1} of 2", flush=True)
            execution = bringer.submit("many.csv", content)
            bringer.wait(execution)
            told["many_computing_seconds"].append(computing_seconds(execution))
            if scorer is not None:
                scored(scorer, many, told["mlflow_many_seconds"])
        told["workers_seconds"] = (
            workers(Bringer(next(bringers), slug), content) if asked.workers else {}
        )
    return told


def workers(bringer: Bringer, content: bytes) -> dict[str, list[float]]:
    """Return the seconds that the many rows take one worker, and two."""
    seconds: dict[str, list[float]] = {"one": [], "two": []}
    for turn in range(2):
        for name in seconds:
            print(f"by {name} of the workers, {turn + 1} of 2", flush=True)
            with ExitStack() as ending:
                if name == "two":
                    ending.enter_context(cores.second_worker())
                execution = bringer.submit("many.csv", content)
                bringer.wait(execution)
            seconds[name].append(computing_seconds(execution))
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.batch", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=stack.FOLDER / "batch.json")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--rows", type=int, default=ROWS, help="of a file (default 10,000)")
    parser.add_argument("--many", type=int, default=MANY, help="rows (default 100,000)")
    parser.add_argument("--workers", action="store_true", help="one worker beside two, too")
    parser.add_argument(
        "--peers", type=Path, default=mlflow.PEERS, help="the environment with MLflow"
    )
    asked = parser.parse_args()
    before = os.getloadavg()[0]
    with stack.running():
        if not stack.has_forest():
            stack.publish_forest()
        stack.set_up()
        told = measure(asked)
    facts = report.machine()
    print(f"\n{facts['cores']} cores, load {before:.1f} before, {facts['load_average'][0]} after\n")
    steps = told["road_seconds"][0]
    for step in steps:
        print(f"  {step:<20}{statistics.median(one[step] for one in told['road_seconds']):>8.2f} s")
    print(f"\n{targets.table(targets.many_rows(told))}\n", flush=True)
    report.write(asked.file, {"machine": facts | {"load_before": round(before, 2)}} | told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
