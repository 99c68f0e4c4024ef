"""Query counts: of list pages, the same when the rows double; of what every page pays beside its
own data, at most three."""

import traceback
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.tokens.services import make_token
from monitoring.failures.collecting import collect
from monitoring.support.services import ask
from notifications.models import Kind, Mail
from notifications.services import notify
from tests.browser.scene import OWNER, SUPERUSER, addresses
from tests.factories import LOAN_OUTPUTS, make_execution, make_version
from tests.test_access_matrix import set_scene

PAGES = [
    "/",
    "/admin/",
    "/history/",
    "/history/?q=age:34+repays",
    "/history/deleted/",
    "/admin/models_registry/registeredmodel/",
    "/admin/models_registry/modelversion/",
    "/admin/models_registry/deployment/",
    "/admin/executions/execution/",
    "/admin/executions/execution/?status=failed&review=open",
    "/monitoring/",
    "/monitoring/failures/",
    "/monitoring/requests/?state=all",
    "/admin/monitoring/failuregroup/",
    "/admin/monitoring/supportrequest/",
    "/notifications/",
    "/admin/notifications/notification/",
    "/admin/notifications/mail/",
    "/admin/accounts/user/",
    "/admin/accounts/activityevent/",
    "/admin/accounts/apitoken/",
]


def make_rows(user: User) -> None:
    for _ in range(5):
        make_execution(user=user, version=make_version(is_active=True), outputs=LOAN_OUTPUTS)
        notify(user, kind=Kind.MESSAGE, cause=str(uuid.uuid4()), title="Hello")
        Mail.objects.create(sender="site@example.com", recipients=[user.email], subject="Hello")
        failure = make_execution(
            user=user, version=make_version(), error_code="MODEL", message="KeyError: 'x'"
        )
        ask(execution=failure, text="Why?", by=user)
        make_token(user=user, name="Laptop", scopes=["read"], by=user)
    collect()


@pytest.mark.parametrize("page", PAGES)
def test_a_list_page_costs_the_same_when_its_rows_double(
    client: Client, root: User, page: str
) -> None:
    client.force_login(root)
    counts = []
    for _ in range(2):
        make_rows(root)
        client.get(page)  # content types and the session are read once
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(page).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


SHELL_PAGES = [
    *PAGES,
    "/presets/",
    "/monitoring/health/",
    "/accounts/profile/",
    "/accounts/sessions/",
    "/accounts/data/",
    "/accounts/tokens/",
    "/accounts/2fa/",
    "/notifications/settings/",
    "/notifications/news/",
    "/admin/models_registry/registeredmodel/add/",
    "/no-such-page/",
]
SHELL_TAGS = {"bell", "health_alarm"}


class ShellQueries(list[str]):
    """The queries of a page that its view did not make: those of middleware, of the bell and of the
    banner about parts that are down."""

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        names = {frame.f_code.co_name for frame, _ in traceback.walk_stack(None)}
        if "_get_response" not in names or names & SHELL_TAGS:
            self.append(sql)
        return execute(sql, params, many, context)


@pytest.mark.parametrize("page", SHELL_PAGES)
def test_a_page_pays_at_most_three_queries_beside_its_own_data(
    client: Client, root: User, page: str
) -> None:
    client.force_login(root)
    make_rows(root)
    client.get("/accounts/profile/")  # the session is noted once a minute
    queries = ShellQueries()
    with connection.execute_wrapper(queries):
        client.get(page)
    assert 1 <= len(queries) <= 3, queries


@pytest.mark.parametrize("person", ["alice", "root"])
def test_every_page_that_a_person_can_open_pays_at_most_three_queries_beside_its_own_data(
    client: Client, alice: User, ada: User, root: User, person: str
) -> None:
    rows = set_scene(alice, ada, root).values()
    client.force_login({"alice": alice, "root": root}[person])
    client.get("/accounts/profile/")  # the session is noted once a minute
    paid: dict[str, list[str]] = {}
    for name, address in addresses({"alice": OWNER, "root": SUPERUSER}[person], rows).items():
        queries = ShellQueries()
        with connection.execute_wrapper(queries):
            client.get(address)
        paid[name] = queries
    assert len(paid) > 30
    assert {name: asked for name, asked in paid.items() if len(asked) > 3} == {}
