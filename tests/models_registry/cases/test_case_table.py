from dataclasses import replace

import pytest

from config.text.csv_text import csv_lines
from models_registry.cases.case_table import (
    MAX_ERRORS,
    MAX_ROWS,
    CaseColumns,
    CellError,
    read_cases,
)
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.inputs.input_schema import InputSchema
from tests.factories import LOAN_FEATURES, LOAN_INPUTS, LOAN_TARGET

LOAN = CaseColumns(InputSchema(LOAN_FEATURES), (LOAN_TARGET,), "classification")
PRICE = CaseColumns(
    InputSchema((FeatureSpec("rooms", "Rooms", Kind.INTEGER),)),
    (TargetSpec("price"),),
    "regression",
)
GOOD = "name,age,income,home,work,expected\nYoung,34,,yes,Employed,Repays\n"


def errors(text: str, columns: CaseColumns = LOAN) -> list[tuple[int, str]]:
    table = read_cases(text, columns)
    assert not table.cases
    return [(error.row, error.column) for error in table.errors]


def test_rows_become_cases_with_the_schemas_own_values() -> None:
    (case,) = read_cases(GOOD, LOAN).cases
    assert case.name == "Young"
    assert case.inputs == {"age": 34.0, "income": None, "home": True, "work": "emp"}
    assert (case.expected, case.tolerance) == ([0], 0.0)


def test_columns_are_found_by_label_in_any_order() -> None:
    text = "expected;Employment;Owns a home;Age;Annual income\n1;self;no;34,5;1.234.567,5\n"
    (case,) = read_cases(text, LOAN).cases
    assert case.inputs["age"] == 34.5
    assert case.inputs["income"] == 1_234_567.5
    assert (case.name, case.expected) == ("Row 2", [1])


def test_every_error_is_told_at_once_by_row_and_column() -> None:
    text = GOOD + "Old,230,x,yes,emp,Repays\nThird,40,1,perhaps,emp,Never\n"
    assert errors(text) == [
        (3, "age"), (3, "income"), (4, "home"), (4, "expected"),
    ]  # fmt: skip


def test_a_heading_that_the_model_does_not_know_is_an_error() -> None:
    assert errors("age,shoe size,expected\n34,42,0\n") == [(1, "shoe size")]


def test_a_file_that_does_not_say_what_is_expected_is_refused() -> None:
    assert errors("age,income,home,work\n34,1,yes,emp\n") == [(1, "")]


def test_two_columns_for_one_input_are_refused() -> None:
    assert errors("age,Age,expected\n34,35,0\n") == [(1, "Age")]


def test_a_missing_column_of_a_required_input_is_an_error_in_each_row() -> None:
    assert errors("age,income,home,expected\n34,1,yes,0\n") == [(2, "work")]


def test_two_cases_of_one_name_are_refused_and_so_is_a_taken_name() -> None:
    assert errors(GOOD + "Young,40,,no,emp,0\n") == [(3, "name")]
    assert read_cases(GOOD, LOAN, taken=frozenset({"Young"})).errors


def test_more_rows_than_allowed_are_refused_as_a_whole() -> None:
    rows = "".join(f"{n},3,{n}\n" for n in range(MAX_ROWS + 1))
    assert errors(f"name,rooms,expected\n{rows}", PRICE) == [(MAX_ROWS + 2, "")]


def messages(text: str) -> list[str]:
    return [error.message for error in read_cases(text, PRICE).errors]


def test_no_more_rows_are_read_than_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def counted(cell: str) -> str:
        nonlocal read
        read += 1
        return cell

    monkeypatch.setattr("models_registry.cases.case_table.typed_text", counted)
    assert "At most 100" in messages("rooms,expected\n" + "3,1\n" * 200_000)[0]
    assert read == 2 * (MAX_ROWS + 2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rooms,expected\n3," + "1" * 1024**2, "The table is larger than 1 MB."),
        (
            "h" + "," * 400_000 + "\n3,1\n",
            "The heading has 400,001 columns. At most 2500 are read.",
        ),
        ("rooms,expected\n3," + "3" * 1001 + "\n", "A value of 1,001 characters; at most 1,000"),
        ("rooms,expected\n3,1\x1b\n", "cannot be stored (U+001B)"),
        ("rooms,expected\n3,1\x00\n", "cannot be stored (U+0000)"),
        ("rooms,expected\n3\x00,1\n", "“\\x00” at character 2 cannot be stored: remove it."),
    ],
)
def test_what_is_too_much_for_a_table_is_said_at_once(text: str, sentence: str) -> None:
    (message,) = messages(text)
    assert sentence in message


def test_of_many_errors_the_first_are_told_and_the_others_counted() -> None:
    heading = ",".join(f"strange{number}" for number in range(400))
    told = read_cases(f"{heading}\n1\n", PRICE).errors
    assert len(told) == MAX_ERRORS + 1
    assert told[-1].message == "There are 201 more errors in this file."


def test_of_a_long_heading_an_error_shows_the_beginning() -> None:
    (error,) = read_cases("h" * 100_000 + ",expected\n1,1\n", PRICE).errors
    assert len(error.column) < 70


def test_a_tolerance_is_a_number_of_nought_or_more() -> None:
    (case,) = read_cases("rooms,expected,tolerance\n3,100,0.5\n", PRICE).cases
    assert case.tolerance == 0.5
    assert errors("rooms,expected,tolerance\n3,100,-1\n", PRICE) == [(2, "tolerance")]


def test_several_targets_have_a_column_each() -> None:
    columns = replace(PRICE, targets=(TargetSpec("low", "Lowest"), TargetSpec("high")))
    (case,) = read_cases("rooms,expected.high,expected.Lowest\n3,9,2\n", columns).cases
    assert case.expected == [2.0, 9.0]
    assert errors("rooms,expected.high\n3,9\n", columns) == [(1, "")]


def test_an_input_called_expected_keeps_its_column() -> None:
    columns = replace(
        PRICE, schema=InputSchema((FeatureSpec("expected", "Expected rooms", Kind.INTEGER),))
    )
    (case,) = read_cases("expected,case.expected\n3,100\n", columns).cases
    assert (case.inputs, case.expected) == ({"expected": 3}, [100.0])


def test_the_template_reads_back() -> None:
    lines = csv_lines(LOAN.heading, [LOAN.row("=Typical", LOAN_INPUTS, [1], 0.0)])
    (case,) = read_cases(b"".join(lines).decode("utf-8-sig"), LOAN).cases
    assert case.name == "=Typical"
    assert case.inputs == LOAN_INPUTS
    assert case.expected == [1]


@pytest.mark.parametrize("text", ["", "\n\n", "age,expected\n", "age,expected\n,,\n"])
def test_a_file_without_cases_is_refused(text: str) -> None:
    assert errors(text)


def test_a_row_longer_than_its_heading_is_refused() -> None:
    (error,) = read_cases("rooms,expected\n3,100,7\n", PRICE).errors
    assert error == CellError(2, "", "The row has 3 values for 2 columns.")


def test_empty_rows_are_passed_over_and_the_others_keep_their_numbers() -> None:
    assert errors("rooms,expected\n\n3,100\nx,1\n", PRICE) == [(4, "rooms")]


def test_identifiers_blanks_and_other_values_read_back_from_the_table_they_are_written_to() -> None:
    ids = (1234567890123456788, 1234567890123456789)
    cabin = FeatureSpec(
        "cabin", "Cabin", Kind.CHOICE, choices=(("", "(empty)"), ("A", "A")), takes_others=True
    )
    features = (
        FeatureSpec("id", "Id", Kind.CHOICE, choices=tuple((one, str(one)) for one in ids)),
        FeatureSpec("count", "Count", Kind.INTEGER),
        cabin,
        replace(cabin, name="deck", label="Deck", requirement=Requirement.MAY_BE_MISSING),
        FeatureSpec("row", "Row", Kind.UNUSED, Requirement.MAY_BE_MISSING),
    )
    columns = CaseColumns(InputSchema(features), (TargetSpec("price"),), "regression")
    rows: tuple[dict[str, int | str | None], ...] = (
        {"id": ids[1], "count": 2**63 + 1, "cabin": "", "deck": "", "row": "7"},
        {"id": ids[0], "count": 2**53 + 1, "cabin": "B", "deck": None, "row": None},
    )
    for inputs in rows:
        line = columns.row("One", inputs, [1.5], 0.0)
        text = b"".join(csv_lines(columns.heading, [line])).decode("utf-8-sig")
        (case,) = read_cases(text, columns).cases
        assert case.inputs == inputs


def test_inputs_whose_labels_differ_in_case_are_told_apart_by_their_exact_label() -> None:
    features = tuple(FeatureSpec(n, f"Age ({n})", Kind.FLOAT) for n in ("age", "Age"))
    columns = CaseColumns(InputSchema(features), (TargetSpec("price"),), "regression")
    (case,) = read_cases("Age (Age),Age (age),expected\n1,2,3\n", columns).cases
    assert case.inputs == {"Age": 1.0, "age": 2.0}
