"""Requests that keep a thread for long leave one of the four to others."""

import gc
import io
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from config.limits import long_work
from config.limits.long_work import AT_ONCE, OF_ONE_PERSON, NoTurn, Turn, takes_long
from executions.batches.result_files import write_xlsx
from executions.services import cancel_execution
from executions.services.rows_files import check_file, keep_file, run_file
from models_registry.models import ModelVersion

ROWS = b"age,income,home,work\n44,1,yes,emp\n"


def free() -> int:
    """Return how many turns can be taken now."""
    taken = 0
    while long_work.turns.all.acquire(blocking=False):
        taken += 1
    for _ in range(taken):
        long_work.turns.all.release()
    return taken


def request_of(person: int) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = User(pk=person)
    return request


@takes_long
def streamed(request: HttpRequest) -> StreamingHttpResponse:
    def lines() -> Iterator[str]:
        yield f"{free()}\n"
        yield f"{free()}\n"

    return StreamingHttpResponse(lines())


@takes_long
def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError


def test_one_person_has_fewer_turns_than_there_are() -> None:
    own = [Turn(1) for _ in range(OF_ONE_PERSON)]
    with pytest.raises(NoTurn):
        Turn(1)
    others = [Turn(2) for _ in range(AT_ONCE - OF_ONE_PERSON)]
    with pytest.raises(NoTurn):
        Turn(3)
    for turn in own + others:
        turn.end()
        turn.end()
    assert free() == AT_ONCE


def test_a_streamed_answer_keeps_its_turn_until_its_last_line_is_made() -> None:
    answer = streamed(request_of(1))
    assert free() == AT_ONCE - 1
    assert isinstance(answer, StreamingHttpResponse)
    assert answer.getvalue() == f"{AT_ONCE - 1}\n{AT_ONCE - 1}\n".encode()
    assert free() == AT_ONCE


@pytest.mark.django_db
def test_an_answer_that_is_not_read_to_its_end_gives_its_turn_back() -> None:
    streamed(request_of(1)).close()
    assert free() == AT_ONCE
    streamed(request_of(1))
    gc.collect()
    assert free() == AT_ONCE


def test_a_view_that_breaks_gives_its_turn_back() -> None:
    with pytest.raises(ValueError):
        broken(request_of(1))
    assert free() == AT_ONCE


def refused_and_taken(client: Client, person: User, method: str, url: str) -> None:
    """Ask while the person has as much under way as is allowed, and again after it."""
    turns = [Turn(person.pk) for _ in range(OF_ONE_PERSON)]
    refused = client.generic(method, url)
    assert (refused.status_code, refused["Retry-After"]) == (429, "10")
    for turn in turns:
        turn.end()
    taken = client.generic(method, url)
    assert taken.status_code in {200, 302}
    taken.close()
    assert free() == AT_ONCE


@pytest.mark.parametrize(
    ("method", "page"),
    [("POST", "rows_file"), ("GET", "rows_problems"), ("POST", "rows_run")],
)
def test_whoever_has_long_work_under_way_waits_before_a_file_is_read(
    as_alice: Client, alice: User, active_version: ModelVersion, method: str, page: str
) -> None:
    slug = active_version.model.slug
    file = keep_file(user=alice, model=active_version.model, name="a.csv", chunks=[ROWS])
    assert as_alice.get(reverse("executions:rows_file", args=[slug, file.pk])).status_code == 200
    check_file(file, active_version, by=alice)
    kind = ["csv"] if page == "rows_problems" else []
    url = reverse(f"executions:{page}", args=[slug, file.pk, *kind])
    refused_and_taken(as_alice, alice, method, url)


def test_a_spreadsheet_is_read_whole_to_be_shown(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    written = io.BytesIO()
    write_xlsx(written, [("Rows", ["age", "income", "home", "work"], [[44, 1, "yes", "emp"]])])
    model = active_version.model
    file = keep_file(user=alice, model=model, name="a.xlsx", chunks=[written.getvalue()])
    url = reverse("executions:rows_file", args=[model.slug, file.pk])
    refused_and_taken(as_alice, alice, "GET", url)


def test_whoever_has_long_work_under_way_waits_before_results_are_written(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    file = keep_file(user=alice, model=active_version.model, name="a.csv", chunks=[ROWS])
    check_file(file, active_version, by=alice)
    batch = run_file(file, active_version, by=alice)
    cancel_execution(execution=batch, by=alice)
    url = reverse("executions:batch_download", args=[batch.pk, "xlsx"])
    refused_and_taken(as_alice, alice, "POST", url)


@pytest.mark.parametrize("url", ["/history/export/", "/accounts/data/json/"])
def test_whoever_has_long_work_under_way_waits_before_more_is_exported(
    as_alice: Client, alice: User, url: str
) -> None:
    refused_and_taken(as_alice, alice, "POST", url)


def test_the_admins_log_is_no_exception(as_ada: Client, ada: User) -> None:
    url = "/admin/executions/execution/export/?scope=all"
    refused_and_taken(as_ada, ada, "POST", url)
