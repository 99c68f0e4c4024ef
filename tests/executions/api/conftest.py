"""Programs: clients that send a token and JSON."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from accounts.models import User
from accounts.tokens.services import make_token
from models_registry.models import Inspection, ModelVersion, RegisteredModel
from tests.factories import make_version

JSON = "application/json"


class Program:
    """A program with a token of ``user``."""

    def __init__(self, user: User, scopes: tuple[str, ...], **asked: Any) -> None:
        defaults: dict[str, Any] = {"name": "Program", "scopes": scopes, "by": user}
        self.token, self.secret = make_token(user=user, **defaults | asked)
        self.client = Client()

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(f"/api/v1{path}", headers=self._with(headers))

    def post(self, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Any:
        data = raw if raw is not None else json.dumps(body)
        kind = headers.pop("Content_Type", JSON)
        return self.client.post(
            f"/api/v1{path}", data=data, content_type=kind, headers=self._with(headers)
        )

    def _with(self, headers: dict[str, str]) -> dict[str, str]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return {"Authorization": f"Bearer {self.secret}"} | given


@pytest.fixture
def program(alice: User) -> Program:
    return Program(alice, ("predict", "read"))


@pytest.fixture
def program_of() -> Callable[..., Program]:
    return Program


@pytest.fixture
def publisher(ada: User) -> Program:
    return Program(ada, ("publish",))


@pytest.fixture
def tested(db: None) -> ModelVersion:
    """A draft that passed its inspection and a test."""
    version = make_version()
    Inspection.objects.create(
        version=version, sha256=version.sha256, status="succeeded", finished_at=Now()
    )
    return version


def versions_of(model: RegisteredModel) -> str:
    return f"/models/{model.slug}/versions"


def path_of(version: ModelVersion, name: str = "") -> str:
    return f"{versions_of(version.model)}/{version.number}{name}"


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Return the problem document of an answer, which must have this status."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(answer.content)
    assert set(found) == {"type", "title", "status", "detail", "instance", "errors"}
    assert found["status"] == status
    return found
