"""US-4.2: an admin finds an execution in Django admin, reads its page, and downloads the log."""

import csv
import io

from django.test import Client

from accounts.models import User
from models_registry.models import ModelVersion
from tests.factories import LOAN_OUTPUTS, make_execution
from tests.fake_prefect import FakePrefect

LIST = "/admin/executions/execution/"


def test_us_4_2_an_admin_finds_a_failure_by_its_person_and_reads_why(
    as_ada: Client, alice: User, bob: User, active_version: ModelVersion, fake_prefect: FakePrefect
) -> None:
    make_execution(user=bob, version=active_version, outputs=LOAN_OUTPUTS)
    failed = make_execution(
        user=alice,
        version=active_version,
        error_code="MODEL",
        message="ValueError: no such work",
        traceback="Traceback (most recent call last)",
    )
    run = fake_prefect.start_flow_run(
        flow="predict", deployment="x", name="loans-v1", parameters={}, idempotency_key="1"
    )
    fake_prefect.enter(run.id, "FAILED")
    failed.attempts.create(
        number=1, flow_run_id=run.id, worker="ann", outcome="failed", log="+0.1 s ERROR MODEL"
    )

    found = as_ada.get(LIST, {"q": "alice@", "status": "failed"}).content.decode()
    assert found.count("<tr class=") == 1
    address = f"{LIST}{failed.pk}/change/"
    assert address in found

    page = as_ada.get(address).content.decode()
    for text in (
        alice.name, "Self-employed", "ValueError: no such work", "Traceback (most recent call",
        "ann", "loans-v1", str(run.id), "Failed", active_version.sha256,
    ):  # fmt: skip
        assert text in page


def test_us_4_2_an_admin_exports_what_the_list_shows(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    make_execution(user=alice, version=active_version, error_code="MODEL")
    response = as_ada.post(f"{LIST}export/?status=success", {"scope": "all", "format": "csv"})
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["person"] for row in rows} == {alice.email}
    assert {row["error_code"] for row in rows} == {"", "MODEL"}
    assert all(row["input.age"] == "34.0" for row in rows)


def test_us_4_2_nobody_else_reads_the_logs(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    for page in (LIST, f"{LIST}{execution.pk}/change/", f"{LIST}{execution.pk}/log/"):
        assert as_alice.get(page).status_code == 302
    assert as_alice.post(f"{LIST}export/").status_code == 302


def test_us_4_2_the_log_shows_inputs_and_outputs_and_finds_people_by_the_name_shown(
    as_ada: Client, alice: User, bob: User, active_version: ModelVersion
) -> None:
    """4.2.2, 4.2.3 and 4.2.7: who, when, inputs, output and time stand in the row; the log filters
    by person and searches by the displayed name or an ID."""
    hers = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    his = make_execution(user=bob, version=active_version, error_code="MODEL", message="no")
    row = as_ada.get(LIST, {"person": "Alice Aoki"}).content.decode()
    for text in ("Alice Aoki", alice.email, "34 years", "Repays", "83.4 %", "0.00 s"):
        assert text in row
    for query in (
        {"q": "Alice Aoki"},
        {"q": hers.public_id},
        {"person": alice.email},
        {"person": "aoki", "status": "succeeded"},
    ):
        found = as_ada.get(LIST, query).content.decode()
        assert hers.public_id in found
        assert his.public_id not in found
