"""Files with rows: kept for a day, checked by the form's rules, run as one batch."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.db.models import F
from pytest_django import Settings

from accounts.models import User
from accounts.privacy.personal_data import erase, everything
from config.errors import DomainError
from executions.batches import understanding
from executions.batches.reading import results
from executions.errors import TooManyBatchRows, TooManyRequests
from executions.models import Execution, RowsFile, RowsFilePiece
from executions.records.purging import purge
from executions.services.rows_files import (
    ChangedMeanwhile,
    FileTooLarge,
    NothingBrought,
    bytes_of,
    check_file,
    checked_of,
    choose,
    keep_file,
    problem_rows,
    run_file,
    understood,
)
from models_registry.models import ModelVersion
from tests.factories import make_version

pytestmark = pytest.mark.usefixtures("fake_prefect")

CSV = (
    "case;age;income;home;work\r\n"
    "a;44;30.000,5;yes;self\r\n"
    "b;230;;no;emp\r\n"
    "\r\n"
    "c;31;1.234,5;no;emp\r\n"
    "d;x;;maybe;emp\r\n"
)


def keep(user: User, version: ModelVersion, text: str = CSV, name: str = "cases.csv") -> RowsFile:
    return keep_file(user=user, model=version.model, name=name, chunks=[text.encode()])


def test_a_file_is_kept_as_it_came_whatever_the_size_of_its_parts(
    alice: User, active_version: ModelVersion
) -> None:
    content = b"0123456789" * 250_000
    parts = [content[:7], content[7:1_500_000], content[1_500_000:]]
    file = keep_file(user=alice, model=active_version.model, name="a\0.csv", chunks=parts)
    assert b"".join(bytes_of(file)) == content
    assert (file.size, file.name, file.is_utf8) == (len(content), "a.csv", True)
    assert file.pieces.count() == 3


def test_a_letter_that_two_pieces_share_is_still_utf8(
    alice: User, active_version: ModelVersion
) -> None:
    content = b"x" * (1024**2 - 1) + "é".encode()
    file = keep_file(user=alice, model=active_version.model, name="", chunks=[content])
    assert file.is_utf8
    cut = keep_file(user=alice, model=active_version.model, name="", chunks=[content[:-1]])
    assert not cut.is_utf8


def test_a_file_over_the_limit_is_not_kept(
    alice: User, active_version: ModelVersion, settings: Settings
) -> None:
    settings.BATCH_MAX_BYTES = 1024**2
    with pytest.raises(FileTooLarge, match="larger than the 1 MB"):
        keep_file(user=alice, model=active_version.model, name="a", chunks=[b"x" * 999_999] * 3)
    assert not RowsFile.objects.exists()
    assert not RowsFilePiece.objects.exists()


def test_an_empty_file_is_not_kept(alice: User, active_version: ModelVersion) -> None:
    with pytest.raises(NothingBrought):
        keep(alice, active_version, "")
    assert not RowsFile.objects.exists()


def test_a_person_has_a_few_files_and_brings_a_few_a_minute(
    alice: User, active_version: ModelVersion, settings: Settings
) -> None:
    settings.ROWS_FILES_PER_PERSON, settings.ROWS_FILES_PER_MINUTE = 2, 3
    kept = []
    for _ in range(3):
        kept.append(keep(alice, active_version))
        RowsFile.objects.update(created_at=F("created_at") - timedelta(seconds=10))
    assert {file.pk for file in alice.rows_files.all()} == {file.pk for file in kept[1:]}
    settings.ROWS_FILES_PER_MINUTE = 2
    with pytest.raises(TooManyRequests):
        keep(alice, active_version)


def test_an_expired_file_is_removed_by_the_purge(alice: User, active_version: ModelVersion) -> None:
    file, fresh = keep(alice, active_version), keep(alice, active_version)
    RowsFile.objects.filter(pk=file.pk).update(expires_at=F("created_at"))
    purge()
    assert list(RowsFile.objects.all()) == [fresh]
    assert not RowsFilePiece.objects.filter(file=file.pk).exists()


def test_the_check_counts_rows_and_names_each_problem(
    alice: User, active_version: ModelVersion
) -> None:
    file = keep(alice, active_version)
    checked = check_file(file, active_version, by=alice)
    assert (checked.ready, checked.problems) == (2, 2)
    assert [(one.row, one.label, one.value) for one in checked.listed] == [
        (3, "Age", "230"), (6, "Age", "x"), (6, "Owns a home", "maybe"),
    ]  # fmt: skip
    assert "Expected a value between" in checked.listed[0].sentence
    file.refresh_from_db()
    assert checked_of(file, active_version) == checked


def test_the_first_hundred_rows_with_problems_are_listed_and_all_are_counted(
    alice: User, active_version: ModelVersion
) -> None:
    text = "age,income,home,work\n" + "230,1,yes,emp\n" * 250
    checked = check_file(keep(alice, active_version, text), active_version, by=alice)
    assert (checked.ready, checked.problems, len(checked.listed)) == (0, 250, 100)
    assert checked.is_cut


def test_the_rows_with_problems_go_away_as_a_file_and_come_back(
    alice: User, active_version: ModelVersion
) -> None:
    file = keep(alice, active_version)
    header, rows = problem_rows(file, active_version, by=alice)
    found = list(rows)
    assert header == ["case", "age", "income", "home", "work", "problem"]
    assert [row[:5] for row in found] == [
        ["b", "230", "", "no", "emp"], ["d", "x", "", "maybe", "emp"],
    ]  # fmt: skip
    assert found[0][5].startswith("Age: 230 is too high.")

    mended = ";".join(header) + "\nb;23;;no;emp;" + found[0][5].replace(";", ",") + "\n"
    again = check_file(keep(alice, active_version, mended), active_version, by=alice)
    assert (again.ready, again.problems) == (1, 0)


def test_the_rows_that_are_ready_run_as_one_batch_with_the_numbers_of_the_file(
    alice: User, active_version: ModelVersion
) -> None:
    file = keep(alice, active_version)
    check_file(file, active_version, by=alice)
    execution = run_file(file, active_version, by=alice)
    found = list(results(execution))
    assert [(row.number, row.carried) for row in found] == [(2, ("a",)), (5, ("c",))]
    assert [row.inputs["income"] for row in found] == [30000.5, 1234.5]
    batch = execution.batch
    assert (batch.problem_count, batch.file_name, batch.carried) == (2, "cases.csv", ["case"])
    assert run_file(file, active_version, by=alice) == execution
    assert Execution.objects.count() == 1


def test_what_was_checked_for_another_version_does_not_run(
    alice: User, active_version: ModelVersion
) -> None:
    file = keep(alice, active_version)
    check_file(file, active_version, by=alice)
    ModelVersion.objects.filter(pk=active_version.pk).update(status="archived")
    other = make_version(model=active_version.model, is_active=True)
    assert checked_of(file, other) is None
    with pytest.raises(ChangedMeanwhile):
        run_file(file, other, by=alice)


def test_a_check_and_a_run_read_the_file_once_each(
    alice: User, active_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = keep(alice, active_version)
    reading = Mock(side_effect=understanding.reading)
    monkeypatch.setattr(understanding, "reading", reading)
    check_file(file, active_version, by=alice)
    assert reading.call_count == 1
    run_file(file, active_version, by=alice)
    assert reading.call_count == 2


def test_another_choice_forgets_what_was_checked(alice: User, active_version: ModelVersion) -> None:
    file = keep(alice, active_version)
    check_file(file, active_version, by=alice)
    table = understood(file, active_version.features.as_schema(), by=alice)
    choose(file, table.choices)
    file.refresh_from_db()
    with pytest.raises(ChangedMeanwhile):
        run_file(file, active_version, by=alice)


def test_a_file_without_a_needed_column_is_not_checked(
    alice: User, active_version: ModelVersion
) -> None:
    file = keep(alice, active_version, "income,home,work\n1,yes,emp\n")
    with pytest.raises(DomainError, match="No column is chosen for Age"):
        check_file(file, active_version, by=alice)


def test_more_rows_than_a_batch_takes_are_refused_by_the_check(
    alice: User, active_version: ModelVersion, settings: Settings
) -> None:
    settings.BATCH_MAX_ROWS = 3
    with pytest.raises(TooManyBatchRows):
        check_file(keep(alice, active_version), active_version, by=alice)


def test_files_are_in_a_persons_data_and_go_with_their_account(
    alice: User, active_version: ModelVersion
) -> None:
    keep(alice, active_version)
    [row] = dict(everything(alice))["files with rows"]
    assert row["name"] == "cases.csv"
    erase(alice)
    assert not RowsFile.objects.exists()
