"""Requests that schemathesis makes from our document: none is answered with a server error, and
every answer is one that the document tells, in its form."""

from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import User
from models_registry.models import ModelVersion
from tests.executions.api.conftest import Program
from tests.factories import LOAN_OUTPUTS, make_execution

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENTS = ["/api/v1/openapi.json", "/api/v1/models/{slug}/openapi.json"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("fake_prefect")
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_answer_is_one_that_the_document_tells(
    document: str, program: Program, alice: User, active_version: ModelVersion
) -> None:
    make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)

    asked = ask_everything(document.format(slug=active_version.model.slug), program)

    assert "POST" in " ".join(asked)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("fake_prefect")
def test_every_answer_to_a_publisher_is_one_that_the_document_tells(
    publisher: Program, ada: User, tested: ModelVersion, settings: Settings
) -> None:
    settings.UPLOADS_PER_HOUR = 3  # of six
    test = make_execution(user=ada, version=tested, purpose="test", outputs=LOAN_OUTPUTS)
    place = {"slug": tested.model.slug, "number": tested.number, "pk": str(test.pk)}

    asked = ask_everything("/api/v1/openapi.json", publisher, "/versions", place)

    assert len(asked) == 6


def ask_everything(
    document: str, program: Program, part: str = "", place: dict[str, Any] | None = None
) -> set[str]:
    """Make requests for each operation of the document whose path has the ``part``, with these
    values in its path, if any are given; return the names of those operations."""
    bearer = {"Authorization": f"Bearer {program.secret}"}
    schema = schemathesis.openapi.from_wsgi(document, get_wsgi_application(), headers=bearer)
    asked = set()

    found: Any
    for found in schema.get_all_operations():
        operation = found.ok()
        if part not in operation.label:
            continue
        asked.add(operation.label)

        @hypothesis_settings(
            max_examples=6, database=None, suppress_health_check=list(HealthCheck), deadline=None
        )
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            case.headers.pop("Authorization", None)
            if place is not None:
                case.path_parameters = {name: place[name] for name in case.path_parameters}
            answer = case.call(headers=bearer)
            case.validate_response(answer, checks=CHECKS)

        call()
    return asked
