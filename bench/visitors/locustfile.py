"""The behaviour of one person on the site, for locust. `python -m bench.people` runs it in a
process of its own, because locust replaces the standard library's sockets as soon as it is
imported.

A browser is imitated as far as the server sees it: pages, forms and what htmx asks by itself, at
the times it asks. Static files, which browsers keep, are not asked for.
"""

import heapq
import itertools
import json
import os
import random
import re
import time
from pathlib import Path
from typing import Any

from locust import HttpUser, events, task
from requests import ConnectionError

from bench.visitors.markup import Page

ADDRESS = os.environ["PEOPLE_ADDRESS"]
PASSWORD = os.environ["PEOPLE_PASSWORD"]
SEED = int(os.environ["PEOPLE_SEED"])
PACE = float(os.environ["PEOPLE_PACE"])
ANSWERS = Path(os.environ["PEOPLE_ANSWERS"])
THINKS_SECONDS = (1.0 / PACE, 5.0 / PACE)
GIVES_UP_SECONDS = 90.0
HTMX = {"HX-Request": "true"}
PREDICTION = re.compile(r"/predictions/([0-9a-f-]{36})/")
WORDS = ("iris", "repay", "setosa", "nowhere")

numbers = itertools.count()
answers: list[dict[str, Any]] = []
again: list[str] = []
"""Requests that were sent twice, and why."""


class Person(HttpUser):
    """Signs in once, and then goes on from page to page, thinking 1 to 5 s between them, or PACE
    times less."""

    def on_start(self) -> None:
        number = next(numbers)
        self.client.headers["X-Forwarded-For"] = f"10.0.{number // 250}.{1 + number % 250}"
        self.chance = random.Random(f"{SEED} {number}")
        token = self.open("/accounts/login/").token
        form = {"login": ADDRESS.format(number), "password": PASSWORD, "csrfmiddlewaretoken": token}
        self.send("/accounts/login/", form)
        self.models = self.open("/").models
        if not self.models:
            raise RuntimeError(f"person {number} sees no model: signed out, or nothing is live")

    def wait_time(self) -> float:
        return self.chance.uniform(*THINKS_SECONDS)

    @task(6)
    def predict(self) -> None:
        """Open a form, take its typical values, change them, send it, and look until the answer is
        there."""
        path = self.chance.choice(self.models)
        form = self.visit(f"{path}?typical=1")
        time.sleep(self.wait_time())
        began = time.monotonic()
        fields = form.filled(self.chance)
        if form.is_sent_by_htmx:
            pane = self.open(path, "POST", data=fields, headers=HTMX)
            address = pane.address
        else:
            pane, address = None, self.send(path, fields)
        accepted = PREDICTION.match(address)
        if accepted:
            answer = {"id": accepted[1], "seen_after_seconds": None}
            answers.append(answer)
            self.look(pane or self.open(address.partition("#")[0]), answer, began)

    @task(2)
    def look_back(self) -> None:
        """Open the history, and now and then search in it."""
        self.visit("/history/")
        if self.chance.random() < 0.5:
            time.sleep(self.wait_time())
            self.visit(f"/history/?q={self.chance.choice(WORDS)}")

    @task(1)
    def look_around(self) -> None:
        """Open the first page, and a form that is not sent."""
        self.visit("/")
        time.sleep(self.wait_time())
        self.visit(self.chance.choice(self.models))

    def visit(self, path: str) -> Page:
        """Open a page and ask what htmx asks after it."""
        page = self.open(path)
        self.look(page, None, time.monotonic())
        return page

    def look(self, now: Page, answer: dict[str, Any] | None, began: float) -> None:
        """Ask what htmx asks after a page or a fragment, until it asks nothing more. Notes in
        ``answer`` how many seconds after ``began`` the result could be read."""
        waiting: list[tuple[float, str]] = []
        while True:
            at = time.monotonic()
            if answer and now.has_result and answer["seen_after_seconds"] is None:
                answer["seen_after_seconds"] = at - began
            for question in now.questions:
                heapq.heappush(waiting, (at + question.seconds, question.address))
            if not waiting or at - began > GIVES_UP_SECONDS:
                return
            due, address = heapq.heappop(waiting)
            time.sleep(max(0.0, due - time.monotonic()))
            now = self.open(address, headers=HTMX)

    def open(self, path: str, method: str = "GET", **more: Any) -> Page:
        with self.ask(method, path, **more) as answer:
            return Page(answer.text or "")

    def send(self, path: str, form: dict[str, str]) -> str:
        """Post a form, and return the redirect's address. A response without a redirect is a
        failure."""
        with self.ask("POST", path, data=form, allow_redirects=False) as answer:
            if answer.status_code != 302:
                answer.failure(answer.error or f"it was answered with {answer.status_code}")
            return str((answer.headers or {}).get("Location", ""))

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Return one request. Sent once more where the server closed a connection that it had kept
        open at the moment of sending, as browsers do; a form carries a token against being taken
        twice."""
        more |= {"name": name_of(path), "catch_response": True}
        answer = self.client.request(method, path, **more)
        if isinstance(answer.error, ConnectionError):
            again.append(f"{method} {more['name']}: {answer.error}")
            answer = self.client.request(method, path, **more)
        return answer


def name_of(path: str) -> str:
    """Return the page without what differs from model to model and prediction to prediction."""
    plain = re.sub(r"[0-9a-f-]{36}", "…", path.partition("?")[0])
    return re.sub(r"(?<=^/models/)[^/]+|(?<=^/presets/)[^/]+(?=/picker)", "…", plain)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def write(environment: Any, **_: Any) -> None:
    """Write the measurements for the process that started this one."""
    entries = sorted(environment.stats.entries.values(), key=lambda one: (one.name, one.method))
    content = {
        "requests": [
            {
                "page": f"{one.method} {one.name}",
                "count": one.num_requests,
                "failures": one.num_failures,
                "p50_ms": one.get_response_time_percentile(0.5),
                "p95_ms": one.get_response_time_percentile(0.95),
            }
            for one in entries
        ],
        "errors": [
            *(
                f"{one.occurrences} times {one.method} {one.name}: {one.error}"
                for one in environment.stats.errors.values()
            ),
            *(one["traceback"] for one in environment.runner.exceptions.values()),
        ],
        "sent_again": again,
        "answers": answers,
    }
    ANSWERS.write_text(json.dumps(content, indent=1) + "\n")
