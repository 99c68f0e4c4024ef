"""The pages of many rows: from a file to its results."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from accounts.models import User
from executions import lifecycle
from executions.batches import lifecycle as chunks
from executions.batches.contents import Part, pack_answers
from executions.models import BatchChunk, Execution, RowsFile
from model_host.protocol.outputs import ManyOutputs, RowFailure, TargetAnswers
from models_registry.models import ModelVersion
from tests.factories import make_version

pytestmark = pytest.mark.usefixtures("fake_prefect")

CSV = (
    "case;age;income;home;work\r\n"
    "=a;44;30.000,5;yes;self\r\n"
    "b;230;;no;emp\r\n"
    "c;31;1.234,5;no;emp\r\n"
    "d;32;;no;emp\r\n"
)
WORKER = "worker"


def text(response: Any) -> str:
    """Return the page as a reader sees it, white space as one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def address(name: str, version: ModelVersion, *args: Any) -> str:
    return reverse(f"executions:{name}", args=[version.model.slug, *args])


def bring(client: Client, version: ModelVersion, content: bytes = CSV.encode()) -> RowsFile:
    file = SimpleUploadedFile("cases.csv", content)
    answer = client.post(address("rows", version), {"file": file})
    assert answer.status_code == 302, text(answer)
    return RowsFile.objects.latest("created_at")


def check(client: Client, version: ModelVersion, file: RowsFile, **chosen: str) -> Any:
    asked = {"act": "check"} | chosen
    return client.post(address("rows_file", version, file.pk), asked, follow=True)


def run(client: Client, version: ModelVersion) -> Execution:
    file = bring(client, version)
    check(client, version, file)
    client.post(address("rows_run", version, file.pk))
    return Execution.objects.get(purpose="batch")


def answer(execution: Execution) -> Execution:
    """Write the answers as a worker does: the last row has none."""
    lifecycle.mark_running(execution.pk, attempt=1, owner=WORKER)
    execution.refresh_from_db()
    chunk = chunks.claim_chunk(execution.pk, owner=WORKER)
    assert isinstance(chunk, BatchChunk)
    outputs = ManyOutputs(
        "classification",
        3,
        rows=(0, 1),
        targets=(TargetAnswers("", (0, 1), (0, 1), (0.9, 0.8), ((0.9, 0.1), (0.2, 0.8))),),
        failures=(RowFailure(2, "INPUT", "“emp” is new."),),
    )
    content = pack_answers([Part(0, outputs)])
    assert chunks.mark_chunk_done(chunk, owner=WORKER, outputs=content, failed_count=1)
    assert lifecycle.mark_batch_done(execution, owner=WORKER)
    execution.refresh_from_db()
    return execution


def download(client: Client, execution: Execution, kind: str) -> bytes:
    page = reverse("executions:batch_download", args=[execution.pk, kind])
    response = client.post(page)
    assert response.status_code == 200
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def test_the_form_leads_to_many_rows_and_back(
    as_alice: Client, active_version: ModelVersion
) -> None:
    form = as_alice.get(reverse("executions:create", args=[active_version.model.slug]))
    assert address("rows", active_version) in form.content.decode()
    page = as_alice.get(address("rows", active_version)).content.decode()
    assert reverse("executions:create", args=[active_version.model.slug]) in page


def test_the_template_has_a_column_for_each_input_and_the_rules_beside(
    as_alice: Client, active_version: ModelVersion
) -> None:
    page = as_alice.get(address("rows_template", active_version, "csv"))
    assert page.getvalue() == "\ufeffAge,Annual income,Owns a home,Employment\r\n".encode()
    sheet = as_alice.get(address("rows_template", active_version, "xlsx"))
    book = CalamineWorkbook.from_filelike(io.BytesIO(sheet.getvalue()))
    assert book.sheet_names == ["Rows", "Rules"]
    assert book.get_sheet_by_name("Rows").to_python() == [
        ["Age", "Annual income", "Owns a home", "Employment"]
    ]
    rules = {row[0]: row for row in book.get_sheet_by_name("Rules").to_python()}
    assert rules["Age"][3] == "Expected a value between 18 and 100 years"
    assert rules["Employment"][5] == "Employed, Self-employed, Not working"
    assert as_alice.get(address("rows_template", active_version, "exe")).status_code == 404


def test_nothing_runs_before_a_person_saw_how_the_file_is_read(
    as_alice: Client, active_version: ModelVersion
) -> None:
    file = bring(as_alice, active_version)
    page = text(as_alice.get(address("rows_file", active_version, file.pk)))
    assert "30.000,5 can only have a decimal comma." in page
    assert "4 inputs found · 1 given back unchanged" in page
    assert not Execution.objects.exists()


def test_pasted_cells_are_a_table_as_a_file_is(
    as_alice: Client, active_version: ModelVersion
) -> None:
    cells = "age\tincome\thome\twork\n44\t1,5\tyes\temp\n"
    answer = as_alice.post(address("rows", active_version), {"cells": cells}, follow=True)
    assert "Pasted cells" in text(answer)
    file = RowsFile.objects.get()
    assert "1 ready" in text(check(as_alice, active_version, file))


def test_nothing_brought_is_said_beside_the_form(
    as_alice: Client, active_version: ModelVersion
) -> None:
    answer = as_alice.post(address("rows", active_version), {"cells": ""})
    assert answer.status_code == 422
    assert "Choose a file, or paste the cells of a spreadsheet." in text(answer)


def test_a_file_that_cannot_be_read_says_why_and_can_be_read_otherwise(
    as_alice: Client, active_version: ModelVersion
) -> None:
    file = bring(as_alice, active_version, CSV.replace("=a", "ä").encode("cp1252"))
    page = address("rows_file", active_version, file.pk)
    assert as_alice.get(page).status_code == 200
    as_alice.post(page, {"encoding": "utf-8", "act": "read"})
    wrong = as_alice.get(page)
    assert wrong.status_code == 422
    assert "on the file is not UTF-8" in text(wrong)
    as_alice.post(page, {"encoding": "cp1252", "act": "read"})
    assert as_alice.get(page).status_code == 200


def test_another_separator_is_shown_before_rows_are_checked(
    as_alice: Client, active_version: ModelVersion
) -> None:
    file = bring(as_alice, active_version)
    answer = check(as_alice, active_version, file, separator=",")
    assert answer.redirect_chain[-1][0] == address("rows_file", active_version, file.pk)
    assert "No column is chosen for Age" in text(answer)


def test_a_column_can_be_chosen_for_another_input(
    as_alice: Client, active_version: ModelVersion
) -> None:
    content = b"years;income;home;work\n44;1,5;yes;emp\n"
    file = bring(as_alice, active_version, content)
    roles = {"role_0": ".age", "role_1": ".income", "role_2": ".home", "role_3": ".work"}
    assert "1 ready" in text(check(as_alice, active_version, file, **roles))


def test_a_role_that_is_not_offered_changes_nothing(
    as_alice: Client, active_version: ModelVersion
) -> None:
    file = bring(as_alice, active_version)
    check(as_alice, active_version, file, role_0=".other", role_9=".age", header="x", mark="#")
    file.refresh_from_db()
    assert file.choices["roles"] == ["=", ".age", ".income", ".home", ".work"]


def test_the_check_says_how_many_rows_are_ready_and_what_is_wrong_with_the_others(
    as_alice: Client, active_version: ModelVersion
) -> None:
    page = text(check(as_alice, active_version, bring(as_alice, active_version)))
    assert "3 ready · 1 with problems" in page
    assert "3 · Age Age 230 230 is too high. Expected a value between 18 and 100 years." in page
    assert "Run 3 rows" in page


def test_the_rows_with_problems_are_downloaded_as_they_were(
    as_alice: Client, active_version: ModelVersion
) -> None:
    file = bring(as_alice, active_version)
    check(as_alice, active_version, file)
    page = as_alice.get(address("rows_problems", active_version, file.pk, "csv"))
    lines = page.getvalue().decode().splitlines()
    assert lines[0] == "\ufeffcase,age,income,home,work,problem"
    assert lines[1].startswith("b,230,,no,emp,Age: 230 is too high.")
    sheet = as_alice.get(address("rows_problems", active_version, file.pk, "xlsx")).getvalue()
    assert CalamineWorkbook.from_filelike(io.BytesIO(sheet)).sheet_names == ["Problems"]


def test_a_second_click_on_run_is_the_same_batch(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = run(as_alice, active_version)
    file = RowsFile.objects.get()
    again = as_alice.post(address("rows_run", active_version, file.pk))
    assert again["Location"] == reverse("executions:batch", args=[execution.pk])
    assert Execution.objects.count() == 1


def test_too_many_batches_at_once_are_refused_on_the_page_of_the_check(
    as_alice: Client, active_version: ModelVersion, settings: Any
) -> None:
    settings.BATCHES_PER_PERSON = 0
    file = bring(as_alice, active_version)
    check(as_alice, active_version, file)
    refused = as_alice.post(address("rows_run", active_version, file.pk))
    assert refused.status_code == 429
    assert refused["Retry-After"] == "60"
    assert "Nothing has been accepted" in text(refused)


def test_a_version_that_goes_live_meanwhile_is_checked_again(
    as_alice: Client, active_version: ModelVersion
) -> None:
    file = bring(as_alice, active_version)
    check(as_alice, active_version, file)
    ModelVersion.objects.filter(pk=active_version.pk).update(status="archived")
    make_version(model=active_version.model, is_active=True)
    answer = as_alice.post(address("rows_run", active_version, file.pk), follow=True)
    assert "Check them again." in text(answer)
    assert not Execution.objects.exists()


def test_a_running_batch_shows_rows_and_asks_again_by_itself_and_without_scripts(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = run(as_alice, active_version)
    page = as_alice.get(reverse("executions:batch", args=[execution.pk])).content.decode()
    assert "0 of 3 rows" in page
    assert 'http-equiv="refresh"' in page
    assert reverse("executions:batch_status", args=[execution.pk]) in page
    lifecycle_page = reverse("executions:detail", args=[execution.pk])
    assert as_alice.get(lifecycle_page)["Location"] == reverse(
        "executions:batch", args=[execution.pk]
    )


def test_the_page_of_a_batch_that_runs_for_long_asks_seldom(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = run(as_alice, active_version)
    long_ago = timezone.now() - timedelta(minutes=10)
    Execution.objects.filter(pk=execution.pk).update(requested_at=long_ago)
    page = as_alice.get(reverse("executions:batch", args=[execution.pk])).content.decode()
    assert "load delay:3000ms" in page


def test_a_finished_batch_shows_its_rows_and_why_one_has_no_answer(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = answer(run(as_alice, active_version))
    page = text(as_alice.get(reverse("executions:batch", args=[execution.pk])))
    assert "2 with an answer, 1 without. Each of these says why." in page
    assert "1 row of the file had problems and was not run." in page
    assert "The model could not use one of the values: “emp” is new." in page
    status = reverse("executions:batch_status", args=[execution.pk])
    asked = as_alice.get(status, headers={"HX-Request": "true"})
    assert asked["HX-Redirect"] == reverse("executions:batch", args=[execution.pk])


def test_a_row_is_found_by_its_number_in_the_file(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = answer(run(as_alice, active_version))
    page = reverse("executions:batch", args=[execution.pk])
    found = text(as_alice.get(page, {"row": "4"}))
    assert "2 to 3 of 3" in found
    assert "The file has no such row" in text(as_alice.get(page, {"row": "3"}))
    only = text(as_alice.get(page, {"only": "failed"}))
    assert "No answer" in only
    assert "Repays" not in only


def test_the_result_has_all_columns_of_the_file_then_the_answers_in_order(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = answer(run(as_alice, active_version))
    lines = download(as_alice, execution, "csv").decode().splitlines()
    assert lines[0] == (
        "\ufeffcase,Age,Annual income,Owns a home,Employment,prediction,prediction_label,"
        "confidence,probability.0,probability.1,warnings,problem,row_id"
    )
    assert lines[1].startswith("'=a,44.0,30000.5,true,self,0,Repays,0.9,0.9,0.1,,,")
    assert lines[1].endswith(f",{execution.public_id}-1")
    assert "The model could not use one of the values" in lines[3]
    assert len(lines) == 4


def test_a_spreadsheet_of_results_has_typed_cells_and_no_formula(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = answer(run(as_alice, active_version))
    content = download(as_alice, execution, "xlsx")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert rows[1][:9] == ["=a", 44.0, 30000.5, True, "self", 0.0, "Repays", 0.9, 0.9]
    assert len(rows) == 4


def test_a_canceled_batch_says_how_much_was_done(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = run(as_alice, active_version)
    as_alice.post(reverse("executions:batch_cancel", args=[execution.pk]))
    page = text(as_alice.get(reverse("executions:batch", args=[execution.pk])))
    assert "0 of 3 rows Canceled." in page


def test_a_deleted_batch_is_gone_and_says_what_happens_before(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = run(as_alice, active_version)
    page = reverse("executions:batch_delete", args=[execution.pk])
    assert "These rows are still running" in text(as_alice.get(page))
    as_alice.post(page)
    assert Execution.objects.batches().kept().exists()
    answer(execution)
    assert "For 30 days you can bring them back" in text(as_alice.get(page))
    as_alice.post(page)
    gone = reverse("executions:batch", args=[execution.pk])
    assert as_alice.get(gone).status_code == 404


def test_nobody_else_learns_of_a_persons_file(
    client: Client, as_alice: Client, bob: User, active_version: ModelVersion
) -> None:
    file = bring(as_alice, active_version)
    other = Client()
    other.force_login(bob)
    assert other.get(address("rows_file", active_version, file.pk)).status_code == 404
    assert other.post(address("rows_run", active_version, file.pk)).status_code == 404


def test_the_history_lists_a_batch_as_one_line_and_counts_it(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = answer(run(as_alice, active_version))
    page = as_alice.get(reverse("executions:list"))
    assert "3 rows Many rows" in text(page)
    assert "All 1 Success 1 Failed 0" in text(page)
    assert reverse("executions:batch", args=[execution.pk]) in page.content.decode()
    assert "as CSV" not in text(page)  # a batch has files of its own
    found = text(as_alice.get(reverse("executions:list"), {"q": "Cases.csv"}))
    assert "3 rows Many rows" in found
    assert "Nothing matches" in text(as_alice.get(reverse("executions:list"), {"q": "is:failed"}))


def test_a_deleted_batch_is_restored_from_recently_deleted(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = answer(run(as_alice, active_version))
    as_alice.post(reverse("executions:batch_delete", args=[execution.pk]))
    assert "3 rows" in text(as_alice.get(reverse("executions:deleted")))
    restored = as_alice.post(
        reverse("executions:restore"), {"ids": [execution.pk], "to": "deleted"}, follow=True
    )
    assert "Restored 1 batch of rows." in text(restored)
    assert as_alice.get(reverse("executions:batch", args=[execution.pk])).status_code == 200


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_us_7_2_rows_without_answers_run_again_with_the_same_inputs(
    as_alice: Client, active_version: ModelVersion, end: str
) -> None:
    first = run(as_alice, active_version)
    Execution.objects.filter(pk=first.pk).update(
        status=end, finished_at=timezone.now(), error_code="STORAGE" if end == "failed" else ""
    )
    file = RowsFile.objects.get()
    page = reverse("executions:batch", args=[first.pk])
    assert "Try again with the same rows" in text(as_alice.get(page))
    again = {"after": str(first.pk)}
    answers = [as_alice.post(address("rows_run", active_version, file.pk), again) for _ in "12"]
    second = Execution.objects.exclude(pk=first.pk).get(purpose="batch")  # also after two clicks
    assert {answer["Location"] for answer in answers} == {
        reverse("executions:batch", args=[second.pk])
    }
    assert (second.retry_of, second.inputs_sha256) == (first, first.inputs_sha256)
    assert second.batch.row_count == first.batch.row_count
    told = text(as_alice.get(page))
    assert f"Tried again as {second.public_id}" in told
    assert "Try again" not in told  # the file went on to the other batch
    other = text(as_alice.get(reverse("executions:batch", args=[second.pk])))
    assert f"The rows of {first.public_id} , tried again." in other


def test_rows_that_run_or_have_answers_are_not_run_again(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = run(as_alice, active_version)
    file, page = RowsFile.objects.get(), reverse("executions:batch", args=[execution.pk])
    for _ in ("queued", "succeeded"):
        assert "Try again" not in text(as_alice.get(page))
        as_alice.post(address("rows_run", active_version, file.pk), {"after": str(execution.pk)})
        assert Execution.objects.get(purpose="batch") == execution
        if not execution.is_finished:
            answer(execution)


def test_rows_of_a_version_that_is_not_live_any_more_are_brought_again(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = run(as_alice, active_version)
    Execution.objects.filter(pk=execution.pk).update(
        status="failed", finished_at=timezone.now(), error_code="CRASH"
    )
    ModelVersion.objects.filter(pk=active_version.pk).update(status="archived")
    make_version(model=active_version.model, is_active=True)
    page = text(as_alice.get(reverse("executions:batch", args=[execution.pk])))
    assert "Try again" not in page


def test_the_bell_tells_of_rows_that_are_finished(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = answer(run(as_alice, active_version))
    notification = alice.notifications.get()
    assert notification.kind == "batch_finished"
    assert notification.title == "Finished: 3 rows, 1 without an answer"
    assert notification.text.startswith("cases.csv, with ")
    assert notification.url == reverse("executions:batch", args=[execution.pk])
    assert not notification.is_bad_news


def test_the_bell_tells_of_rows_that_failed_as_of_a_prediction(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = run(as_alice, active_version)
    lifecycle.mark_expired(execution)
    notification = alice.notifications.get()
    assert notification.kind == "execution_failed"
    assert notification.url == reverse("executions:batch", args=[execution.pk])
    page = text(as_alice.get(notification.url))
    assert "The system was busy" in page
    assert "Error code: EXPIRED." in page
