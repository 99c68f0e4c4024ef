"""The CSV of the history: exactly the filtered rows, safe to open, and lossless to read back."""

import csv
import io
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django.fixtures import Settings

from accounts.models import ActivityEvent, User
from config.text.csv_text import csv_lines, safe_text
from executions.history.exports import Export, export
from executions.models import Execution
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.models import ModelVersion
from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_execution, make_user, make_version

BERLIN = ZoneInfo("Europe/Berlin")


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def read(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))


def file_of(user: User, **days: Any) -> Export:
    found = Execution.objects.visible_to(user)
    return export(found, zone=BERLIN, start=days.get("start"), end=days.get("end"))


def lines_of(file: Export) -> bytes:
    return b"".join(csv_lines(file.header, file.lines()))


def test_a_line_holds_everything_about_a_prediction(
    alice: User, active_version: ModelVersion
) -> None:
    requested = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    execution = make_execution(
        user=alice,
        version=active_version,
        outputs=LOAN_OUTPUTS,
        warnings=["Age is high.", "Income is low."],
        note="=offered",
        requested_at=requested,
        started_at=requested,
        finished_at=datetime(2026, 3, 29, 1, 30, 0, 250_000, tzinfo=UTC),
    )
    [line] = read(lines_of(file_of(alice)))
    assert line == {
        "id": execution.public_id,
        "submitted_at": "2026-03-29T01:30:00+01:00",
        "finished_at": "2026-03-29T03:30:00.250000+02:00",
        "status": "Success",
        "model": active_version.model.name,
        "version": "1",
        "input.age": "34.0",
        "input.income": "41500.0",
        "input.home": "false",
        "input.work": "self",
        "prediction": "0",
        "prediction_label": "Repays",
        "confidence": "0.834",
        "interval_low": "",
        "interval_high": "",
        "probability.0": "0.834",
        "probability.1": "0.166",
        "warnings": "Age is high.; Income is low.",
        "error": "",
        "duration_s": "3600.25",
        "note": "'=offered",
    }


def test_the_file_has_a_byte_order_mark_and_carriage_returns(
    alice: User, active_version: ModelVersion
) -> None:
    make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    text = lines_of(file_of(alice))
    assert text.startswith(b"\xef\xbb\xbfid,")
    assert text.count(b"\r\n") == text.count(b"\n") == 2


def test_the_columns_are_the_union_of_the_versions_and_empty_where_absent(alice: User) -> None:
    old = make_version(features=(FeatureSpec("age", "Age", Kind.FLOAT),))
    new = make_version(
        model=old.model,
        features=(FeatureSpec("age", "Age", Kind.FLOAT), FeatureSpec("city", "City", Kind.STRING)),
    )
    make_execution(user=alice, version=old, inputs={"age": 1.5}, error_code="MEMORY")
    make_execution(user=alice, version=new, inputs={"age": 2.5, "city": "Bern"})
    newest, oldest = read(lines_of(file_of(alice)))
    assert (newest["input.city"], oldest["input.city"]) == ("Bern", "")
    assert oldest["error"] == "The model needed too much memory and was stopped."
    assert newest["finished_at"] == newest["duration_s"] == newest["prediction"] == ""


def test_names_that_a_spreadsheet_would_run_are_defused_in_the_header(alice: User) -> None:
    version = make_version(features=(FeatureSpec("=cmd()", "Label", Kind.FLOAT),))
    make_execution(user=alice, version=version, inputs={"=cmd()": 1.0})
    header = file_of(alice).header
    assert "input.=cmd()" in header  # the prefix already makes it a text


def test_somebody_elses_export_holds_no_sensitive_input_and_no_note(alice: User) -> None:
    features = (
        FeatureSpec("age", "Age", Kind.FLOAT),
        FeatureSpec("salary", "Salary", Kind.FLOAT, is_sensitive=True),
    )
    inputs = {"age": 30.0, "salary": 81_234.0}
    make_execution(user=alice, version=make_version(features=features), inputs=inputs, note="mine")
    file = export(Execution.objects.all(), zone=BERLIN, is_owner=False)
    text = lines_of(file).decode()
    assert "30.0" in text
    assert not any(secret in text for secret in ("salary", "81234", "mine"))


def test_the_file_is_named_by_the_days_asked_for_or_by_its_own(
    alice: User, active_version: ModelVersion
) -> None:
    assert file_of(alice).file_name == "predictions.csv"
    for text in ("2026-03-01T23:30", "2026-03-31T21:59"):
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        make_execution(user=alice, version=active_version, requested_at=moment)
    assert file_of(alice).file_name == "predictions_2026-03-02_2026-03-31.csv"
    asked = file_of(alice, start=datetime(2026, 1, 1).date(), end=datetime(2026, 12, 31).date())
    assert asked.file_name == "predictions_2026-01-01_2026-12-31.csv"


def test_the_download_is_exactly_what_is_filtered_over_all_pages(
    as_alice: Client, alice: User, bob: User, active_version: ModelVersion
) -> None:
    failed = [
        make_execution(user=alice, version=active_version, error_code="MODEL") for _ in range(30)
    ]
    make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    make_execution(user=bob, version=active_version, error_code="MODEL")
    response = as_alice.post("/history/export/?status=failed")
    found = [line["id"] for line in read(content(response))]
    assert found == [execution.public_id for execution in reversed(failed)]
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert ".csv" in response["Content-Disposition"]


def test_ticked_rows_alone_are_exported_and_never_another_persons(
    as_alice: Client, alice: User, bob: User, active_version: ModelVersion
) -> None:
    mine, other = (
        make_execution(user=user, version=active_version, outputs=LOAN_OUTPUTS)
        for user in (alice, bob)
    )
    make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    response = as_alice.post("/history/export/", {"ids": [str(mine.pk), str(other.pk), "x"]})
    assert [line["id"] for line in read(content(response))] == [mine.public_id]


def test_too_many_rows_are_refused_with_a_way_out(
    as_alice: Client, alice: User, active_version: ModelVersion, settings: Settings
) -> None:
    settings.EXPORT_MAX_ROWS = 1
    for _ in range(2):
        make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    response = as_alice.post("/history/export/?status=success", follow=True)
    assert "These are more than 1 predictions. Choose fewer days." in response.content.decode()
    assert response.redirect_chain == [("/history/?status=success", 302)]


def test_ten_exports_a_minute_and_no_more_for_one_person(
    as_alice: Client, alice: User, bob: User, active_version: ModelVersion
) -> None:
    answers = (as_alice.post("/history/export/") for _ in range(11))
    statuses = [answer.status_code for answer in answers if answer.getvalue()]
    assert statuses == [200] * 10 + [429]
    other = Client()
    other.force_login(bob)
    assert other.post("/history/export/").status_code == 200
    assert ActivityEvent.objects.filter(actor=alice, action="predictions exported").count() == 10


def test_a_filter_that_means_nothing_exports_nothing(as_alice: Client, alice: User) -> None:
    response = as_alice.post("/history/export/?from=2026-03-02&to=2026-03-01")
    assert response["Location"] == "/history/?from=2026-03-02&to=2026-03-01"
    assert not ActivityEvent.objects.filter(action="predictions exported").exists()


NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


class TestWhatWasStored(TestCase):
    """Hypothesis and rows: each example is rolled back."""

    @hypothesis_settings(max_examples=40)
    @given(
        st.lists(
            st.tuples(NUMBERS, st.integers(-(2**53), 2**53), TEXTS, st.booleans()),
            min_size=1,
            max_size=3,
        )
    )
    def test_reads_back_as_it_was_with_csv_and_with_pandas(
        self, stored: list[tuple[float, int, str, bool]]
    ) -> None:
        features = (
            FeatureSpec("size", "Size", Kind.FLOAT),
            FeatureSpec("rooms", "Rooms", Kind.INTEGER),
            FeatureSpec("city", "City", Kind.STRING, Requirement.MAY_BE_MISSING),
            FeatureSpec("garden", "Garden", Kind.BOOLEAN),
        )
        user, version = make_user(), make_version(features=features)
        names = [feature.name for feature in features]
        for values in reversed(stored):
            make_execution(user=user, version=version, inputs=dict(zip(names, values, strict=True)))
        text = lines_of(file_of(user))
        for line, (size, rooms, city, garden) in zip(read(text), stored, strict=True):
            assert float(line["input.size"]) == size
            assert int(line["input.rooms"]) == rooms
            assert line["input.city"] == safe_text(city)
            assert line["input.garden"] == str(garden).lower()
        frame = pandas.read_csv(io.BytesIO(text))
        assert list(frame["input.size"]) == [size for size, *_ in stored]
        assert list(frame["input.rooms"]) == [rooms for _, rooms, *_ in stored]


def test_a_regression_has_its_interval_and_no_label(alice: User) -> None:
    version = make_version(task="regression")
    outputs = {
        **LOAN_OUTPUTS,
        "task": "regression",
        "targets": [
            {
                "name": "", "value": 398_000.123456789, "confidence": None, "probabilities": [],
                "interval": {"low": 1.5, "high": 2.5, "level": 0.9}, "score": None, "text": "",
            }
        ],
    }  # fmt: skip
    make_execution(user=alice, version=version, inputs=LOAN_INPUTS, outputs=outputs)
    [line] = read(lines_of(file_of(alice)))
    cells = ("prediction", "prediction_label", "interval_low", "interval_high")
    assert [line[name] for name in cells] == ["398000.123456789", "", "1.5", "2.5"]


def test_identifiers_are_written_in_all_their_digits(alice: User) -> None:
    ids = (1234567890123456788, 1234567890123456789)
    features = (
        FeatureSpec("id", "Id", Kind.CHOICE, choices=tuple((one, f"Shop {one}") for one in ids)),
        FeatureSpec("count", "Count", Kind.INTEGER),
        FeatureSpec("number", "Number", Kind.FLOAT),
    )
    version = make_version(features=features, is_active=True)
    inputs = {"id": ids[1], "count": 2**63 + 1, "number": ids[0]}
    make_execution(user=alice, version=version, inputs=inputs, outputs=LOAN_OUTPUTS)
    [line] = read(lines_of(file_of(alice)))
    assert {name: line[f"input.{name}"] for name in inputs} == {
        name: str(value) for name, value in inputs.items()
    }
