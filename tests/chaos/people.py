"""Signed-in people who together send the form of a model at a steady rate.

Whoever gets no answer, or a page that says to wait, presses again: the same form, with the same
token. Accepted is what the site answered with the address of the prediction's page.
"""

import random
import re
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

PRESSES_AGAIN_SECONDS = 1.0
GIVES_UP_SECONDS = 90.0
ANSWER_SECONDS = 35.0
AT_ONCE = 64
PAGE = re.compile(r"/predictions/([0-9a-f-]{36})/")

NAMES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
RANGES = ((4.3, 7.9), (2.0, 4.4), (1.0, 6.9), (0.1, 2.5))


@dataclass
class Submission:
    """One form, and what became of it. Times are the machine's, in seconds."""

    slug: str
    inputs: dict[str, float]
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent_at: float = field(default_factory=time.time)
    accepted_at: float | None = None
    execution: str | None = None
    answered_in: float = 0.0
    """How long the page took that was the prediction's."""
    refusals: list[tuple[str, float]] = field(default_factory=list)
    """What was answered instead, and after how many seconds."""


class Person:
    """Somebody signed in."""

    def __init__(
        self, site: str, email: str, password: str, *, client: httpx.Client | None = None
    ) -> None:
        self.email = email
        self._site = client or httpx.Client(base_url=site, timeout=ANSWER_SECONDS)
        self._forms: dict[str, dict[str, str]] = {}
        token = _token(self._site.get("/accounts/login/").text)
        answer = self._site.post(
            "/accounts/login/",
            data={"login": email, "password": password, "csrfmiddlewaretoken": token},
        )
        if answer.status_code != 302:
            raise RuntimeError(f"signing in was answered with {answer.status_code}")

    def open_form(self, slug: str) -> dict[str, str]:
        """Return the form's fields as a browser would send them, opened once and kept."""
        if slug not in self._forms:
            page = self._site.get(f"/models/{slug}/?typical=1")
            page.raise_for_status()
            self._forms[slug] = _fields(page.text)
        return self._forms[slug]

    def submit(self, submission: Submission) -> None:
        """Send the form until the prediction's page is there, or for a minute and a half."""
        deadline = time.monotonic() + GIVES_UP_SECONDS
        while time.monotonic() < deadline:
            began = time.monotonic()
            said = self.press(submission)
            submission.answered_in = time.monotonic() - began
            if not said:
                return
            submission.refusals.append((said, submission.answered_in))
            time.sleep(PRESSES_AGAIN_SECONDS)

    def press(self, submission: Submission) -> str:
        """Return what was answered instead of the prediction's page, "" if it was that."""
        try:
            fields = self.open_form(submission.slug)
            # Four digits: nobody can take "1.4620" for a thousand and more.
            values = {f"f{n}": f"{v:.4f}" for n, v in enumerate(submission.inputs.values())}
            answer = self._site.post(
                f"/models/{submission.slug}/",
                data=fields | values | {"form_token": submission.token},
            )
        except httpx.HTTPError as error:
            return type(error).__name__
        page = PAGE.match(answer.headers.get("Location", ""))
        if answer.status_code == 302 and page:
            submission.execution = str(uuid.UUID(page[1]))
            submission.accepted_at = time.time()
            return ""
        if answer.status_code in (403, 422):
            self._forms.pop(submission.slug, None)  # the form changed since it was opened
        return str(answer.status_code)

    def post(self, path: str, form_at: str, **request: object) -> httpx.Response:
        """Send the first form of a page, as a person who has just opened it."""
        token = _token(self._site.get(form_at).text)
        data = {"csrfmiddlewaretoken": token, **request.pop("data", {})}  # type: ignore[dict-item]
        return self._site.post(path, data=data, **request)  # type: ignore[arg-type]


class Crowd:
    """Several people who send one model's form at a steady rate while the block runs."""

    def __init__(self, people: Sequence[Person], slug: str, per_second: float) -> None:
        self.people = people
        self.slug = slug
        self.per_second = per_second
        self.submissions: list[Submission] = []
        self._random = random.Random(0)

    @contextmanager
    def submitting(self) -> Iterator[None]:
        """Every form that was begun is answered, or given up, when the block has ended."""
        done = threading.Event()
        with ThreadPoolExecutor(AT_ONCE) as hands:

            def press() -> None:
                due = time.monotonic()
                while not done.is_set():
                    person = self._random.choice(self.people)
                    hands.submit(person.submit, self.next())
                    due += 1 / self.per_second
                    done.wait(max(0.0, due - time.monotonic()))

            clock = threading.Thread(target=press)
            clock.start()
            try:
                yield
            finally:
                done.set()
                clock.join()

    def next(self, slug: str = "") -> Submission:
        """Send another form that counts, with values that nobody sent before."""
        submission = self.form(slug or self.slug)
        self.submissions.append(submission)
        return submission

    def form(self, slug: str) -> Submission:
        """Return another form that does not count."""
        values = (round(self._random.uniform(low, high), 4) for low, high in RANGES)
        return Submission(slug, dict(zip(NAMES, values, strict=True)))


def _token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    if found is None:
        raise RuntimeError("a page without a form")
    return found[1]


def _fields(page: str) -> dict[str, str]:
    """Return the token against forgery and every text input of the prediction's form."""
    fields = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = (re.search(rf'\b{key}="([^"]*)"', tag) for key in ("name", "value"))
        if name and re.fullmatch(r"csrfmiddlewaretoken|schema|f\d+", name[1]):
            fields[name[1]] = value[1] if value else ""
    return fields
