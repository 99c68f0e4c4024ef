"""One prediction as a person makes it: the form is sent, and the row polled until it is finished.

The clock starts when the form's request leaves and stops when PostgreSQL shows the finished row to
a connection of its own; Prefect's part ends at the time of the run's final state.
"""

import re
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import httpx
import psycopg
from django.conf import settings

LOOK_SECONDS = 0.003
GIVE_UP_SECONDS = 120.0
PREFECT_SECONDS = 60.0


@dataclass(frozen=True)
class Sample:
    """One execution: milliseconds from its start to the readable row and to the finished run;
    ``claimed_ms`` to where a worker had taken it. None where it never came to that."""

    id: str
    status: str
    row_ms: float | None
    finished_ms: float | None
    claimed_ms: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def sign_in(email: str, password: str, *, address: str = "") -> httpx.Cookies:
    """Return the cookies of a session, which many people's windows may share; ``address`` is that
    of a site other than the settings'."""
    with httpx.Client(base_url=address or settings.SITE_URL, timeout=30) as site:
        token = token_of(site.get("/accounts/login/").text)
        answer = site.post(
            "/accounts/login/",
            data={"login": email, "password": password, "csrfmiddlewaretoken": token},
        )
        if answer.status_code != 302:
            raise RuntimeError(f"signing in was answered with {answer.status_code}")
        return site.cookies


class Person:
    """Somebody signed in, with the form of one model open."""

    def __init__(self, session: httpx.Cookies, slug: str) -> None:
        self._site = httpx.Client(base_url=settings.SITE_URL, timeout=30, cookies=session)
        self._path = f"/models/{slug}/"
        form = self._site.get(f"{self._path}?typical=1")
        if form.status_code != 200:
            raise RuntimeError(f"the form at {self._path} was answered with {form.status_code}")
        self._fields = _filled(form.text)

    def send(self) -> uuid.UUID:
        """Send the form; the execution's id is in the page that it leads to."""
        answer = self._site.post(self._path, data=self._fields | {"form_token": str(uuid.uuid4())})
        if answer.status_code != 302:
            raise RuntimeError(f"the form was answered with {answer.status_code}")
        return uuid.UUID(answer.headers["Location"].split("/")[-2])


def token_of(page: str) -> str:
    """Return what a form of this page has to carry against forged requests."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, "a page without a form"
    return found[1]


def _filled(form: str) -> dict[str, str]:
    """Return what a browser would send: every text input of the prediction's form with its
    value."""
    names = ("csrfmiddlewaretoken", "schema", *(f"f{number}" for number in range(200)))
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = (re.search(rf'\b{key}="([^"]*)"', tag) for key in ("name", "value"))
        if name and name[1] in names:
            fields[name[1]] = value[1] if value else ""
    return fields


class Watcher:
    """Looks at the rows of executions on one connection, every ``look_seconds``, for everybody who
    waits for one."""

    def __init__(self, look_seconds: float = LOOK_SECONDS) -> None:
        self._look_seconds = look_seconds
        facts = settings.DATABASES["default"]
        address = f"{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}"
        self._connection = psycopg.connect(
            f"postgresql://{address}/{facts['NAME']}", autocommit=True
        )
        self._changed = threading.Condition()
        self._waited_for: set[uuid.UUID] = set()
        self._seen: dict[uuid.UUID, tuple[str, float]] = {}
        threading.Thread(target=self._look, daemon=True).start()

    def until_explained(self, execution: uuid.UUID) -> None:
        """Wait until the finished execution has its explanation, or what stands in for one. On this
        connection a look costs PostgreSQL little: the statement is prepared."""
        question = "SELECT 1 FROM executions_explanation WHERE execution_id = %s"
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while self._connection.execute(question, [execution]).fetchone() is None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{execution} was not explained in time")
            time.sleep(self._look_seconds)

    def until_readable(self, execution: uuid.UUID, began: float) -> tuple[str, float | None]:
        """Return the status of the finished row, and when it was readable, in seconds since
        ``began``."""
        with self._changed:
            self._waited_for.add(execution)
            self._changed.notify_all()
            self._changed.wait_for(lambda: execution in self._seen, GIVE_UP_SECONDS)
            self._waited_for.discard(execution)
            status, at = self._seen.pop(execution, ("unfinished", None))
        return status, None if at is None else at - began

    def _look(self) -> None:
        question = """SELECT id, status FROM executions_execution
                      WHERE id = ANY(%s) AND status NOT IN ('queued', 'running')"""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waited_for - self._seen.keys())
                wanted = list(self._waited_for - self._seen.keys())
            rows = self._connection.execute(question, [wanted]).fetchall()
            at = time.perf_counter()
            if rows:
                with self._changed:
                    self._seen |= {execution: (status, at) for execution, status in rows}
                    self._changed.notify_all()
            time.sleep(self._look_seconds)


def one(person: Person, watcher: Watcher) -> Sample:
    """Make one prediction and nothing else meanwhile."""
    began, wall = time.perf_counter(), time.time()
    execution = person.send()
    return with_prefect(execution, wall, *watcher.until_readable(execution, began))


def many(people: list[Person], watcher: Watcher, count: int) -> tuple[list[Sample], float]:
    """``count`` predictions with as many at once as there are people, each person's next one as
    soon as the one before is readable; and the seconds that all of them took."""
    starts: list[tuple[uuid.UUID, float, str, float | None]] = []

    def work(person: Person) -> None:
        for _ in range(count // len(people)):
            began, wall = time.perf_counter(), time.time()
            execution = person.send()
            starts.append((execution, wall, *watcher.until_readable(execution, began)))

    began = time.perf_counter()
    with ThreadPoolExecutor(len(people)) as threads:
        for done in [threads.submit(work, person) for person in people]:
            done.result()
    seconds = time.perf_counter() - began
    return [with_prefect(*start) for start in starts], seconds


def with_prefect(execution: uuid.UUID, wall: float, status: str, row: float | None) -> Sample:
    """Return the sample with what Prefect says of the execution's run, once the run is finished
    there."""
    from engine.gateway import flow_run_states
    from executions.models import Attempt

    deadline = time.monotonic() + PREFECT_SECONDS
    finished = claimed = None
    while finished is None and time.monotonic() < deadline:
        attempt = Attempt.objects.filter(execution_id=execution).last()
        states = flow_run_states(attempt.flow_run_id) if attempt and attempt.flow_run_id else ()
        at: dict[str, datetime] = {}
        for state in states:
            at.setdefault(state.type, state.at)
        taken = at.get("PENDING") or at.get("RUNNING")
        claimed = taken.timestamp() - wall if taken else None
        finished = next(
            (at[end].timestamp() - wall for end in ("COMPLETED", "FAILED") if end in at), None
        )
        time.sleep(0 if finished else 0.1)
    return Sample(str(execution), status, *(_ms(each) for each in (row, finished, claimed)))


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
