"""Requests that schemathesis makes from our document: none is answered with a server error, and
every answer is one that the document tells, in its form."""

from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given, settings
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
    bearer = {"Authorization": f"Bearer {program.secret}"}
    path = document.format(slug=active_version.model.slug)
    schema = schemathesis.openapi.from_wsgi(path, get_wsgi_application(), headers=bearer)
    asked = set()

    found: Any
    for found in schema.get_all_operations():
        operation = found.ok()
        asked.add(operation.label)

        @settings(
            max_examples=6, database=None, suppress_health_check=list(HealthCheck), deadline=None
        )
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            case.headers.pop("Authorization", None)
            answer = case.call(headers=bearer)
            case.validate_response(answer, checks=CHECKS)

        call()
    assert "POST" in " ".join(asked)
