"""A program that speaks both dialects."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.tokens.services import make_token
from executions import lifecycle
from executions.dialects import views
from executions.lifecycle import Failure
from executions.models import Execution
from tests.factories import LOAN_ANSWER


class Program:
    def __init__(self, user: User, **asked: Any) -> None:
        scopes = asked.pop("scopes", ["predict"])
        _, self.secret = make_token(user=user, name="Program", scopes=scopes, by=user, **asked)
        self.client = Client(headers={"Authorization": f"Bearer {self.secret}"})

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def infer(self, slug: str, body: Any, **headers: str) -> Any:
        """Send tensors: JSON, or bytes as they are."""
        kind = headers.pop("content_type", "application/json")
        data = body if isinstance(body, bytes) else json.dumps(body)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/v2/models/{slug}/infer"
        return self.client.post(path, data, content_type=kind, headers=given)

    def invoke(self, slug: str, body: Any, content_type: str = "application/json") -> Any:
        """Send rows to the scorer: JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body)
        return self.client.post(f"/mlflow/{slug}/invocations", data, content_type=content_type)


@pytest.fixture
def program(alice: User) -> Program:
    return Program(alice)


@pytest.fixture
def program_of() -> Callable[..., Program]:
    return Program


Finish = Callable[..., None]


@pytest.fixture
def finish(monkeypatch: pytest.MonkeyPatch) -> Finish:
    """Let a worker answer each prediction once it is waited for, or fail it; call it to choose."""

    def choose(failure: Failure | None = None) -> None:
        def waited(execution: Execution, seconds: float) -> Execution:
            running = lifecycle.mark_running(execution.pk, attempt=execution.attempt, owner="w")
            assert running is not None
            if failure:
                lifecycle.mark_failed(running, owner="w", failure=failure)
            else:
                lifecycle.mark_succeeded(running, owner="w", outputs=LOAN_ANSWER, warnings=[])
            execution.refresh_from_db()
            return execution

        monkeypatch.setattr(views, "waited", waited)

    choose()
    return choose
