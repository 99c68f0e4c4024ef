"""Tables that people bring: files of many programs and countries, and hostile ones."""

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from config.text.numbers import written_with
from executions.batches import tables
from executions.batches.checked_rows import CheckedRow, checked_rows
from executions.batches.checking import Problem
from executions.batches.contents import BatchRow
from executions.batches.tables import TableUnreadable
from executions.batches.understanding import (
    CARRIED,
    LEFT_OUT,
    Choices,
    Understood,
    reading,
    understanding,
)
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_schema import InputSchema

COUNTRY = FeatureSpec("country", "Country", Kind.STRING, max_length=40)
INCOME = FeatureSpec("income", "Income", Kind.FLOAT)
AGE = FeatureSpec("age", "Age", Kind.INTEGER, Requirement.MAY_BE_MISSING, minimum=0, maximum=120)
SCHEMA = InputSchema((COUNTRY, INCOME, AGE))


def is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def read(content: bytes, choices: Choices | None = None, *, mark: str = "") -> Understood:
    with understanding(
        lambda: [content],
        SCHEMA,
        choices=choices or Choices(),
        is_utf8=is_utf8(content),
        decimal_mark=mark,
    ) as (table, _):
        return table


def checked(content: bytes, table: Understood) -> Iterator[CheckedRow]:
    with reading(lambda: [content], table.choices) as (_, rows):
        yield from checked_rows(rows, table, SCHEMA)


def rows(content: bytes, table: Understood) -> list[Any]:
    """The values of each row, or the sentences about it."""
    found: list[Any] = []
    for row in checked(content, table):
        if isinstance(row.outcome, Problem):
            found.append([str(error) for error in row.outcome.cleaned.errors.values()])
        else:
            found.append(row.outcome.values)
    return found


def ready(content: bytes, table: Understood) -> list[BatchRow]:
    found = [row.outcome for row in checked(content, table)]
    assert all(isinstance(row, BatchRow) for row in found)
    return [row for row in found if isinstance(row, BatchRow)]


def workbook(fill: Callable[[Any, Any], None], **options: Any) -> bytes:
    into = io.BytesIO()
    book = xlsxwriter.Workbook(into, options)
    fill(book, book.add_worksheet("Data"))
    book.close()
    return into.getvalue()


GERMAN = "country;income;age\r\nNA;18.500,00;31\r\nÖsterreich;1.234;44\r\n"
ENGLISH = 'country,income,age\r\nNA,"18,500.00",31\r\nÖsterreich,"1,234",44\r\n'
FRENCH = "country;income;age\r\nNA;18\u202f500,00;31\r\nÖsterreich;1\u202f234;44\r\n"


@pytest.mark.parametrize(
    ("text", "separator", "mark"),
    [(GERMAN, ";", ","), (ENGLISH, ",", "."), (FRENCH, ";", ",")],
    ids=["German", "English", "French"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_same_table_of_three_countries_gives_the_same_rows(
    text: str, separator: str, mark: str, encoding: str
) -> None:
    content = text.encode(encoding)
    table = read(content)
    assert (table.choices.separator, table.choices.mark) == (separator, mark)
    assert rows(content, table) == [("NA", 18500.0, 31), ("Österreich", 1234.0, 44)]


def test_what_windows_writes_without_unicode_is_read_with_its_letters() -> None:
    content = GERMAN.encode("cp1252")
    table = read(content)
    assert table.choices.encoding == "cp1252"
    assert rows(content, table)[1][0] == "Österreich"


def test_a_wrong_encoding_is_said_with_the_row() -> None:
    content = GERMAN.encode("cp1252")
    with pytest.raises(TableUnreadable, match=r"From row \d+ on the file is not UTF-8"):
        read(content, Choices(encoding="utf-8", separator=";"))


def test_the_decimal_mark_is_shown_with_the_number_that_tells_it() -> None:
    assert read(GERMAN.encode()).mark_reason == "18.500,00 can only have a decimal comma."


def test_numbers_that_do_not_tell_their_mark_are_the_persons_own_or_asked_about() -> None:
    content = b"country;income;age\nNA;1.234;31\n"
    assert rows(content, read(content, mark=",")) == [("NA", 1234.0, 31)]
    assert rows(content, read(content, mark=".")) == [("NA", 1.234, 31)]
    [[sentence]] = rows(content, read(content))
    assert "Write 1234 or 1.234?" in sentence


def test_a_file_with_both_marks_decides_nothing() -> None:
    table = read(b"country;income;age\nNA;1,5;31\nNA;2.5;31\n")
    assert table.choices.mark == ""
    assert table.mark_reason == "The file has both: 1,5 and 2.5."


def test_leading_zeros_and_words_such_as_na_stay_texts() -> None:
    content = b"country,income,age\n00123,1,2\nNA,1,\nnull,1,NULL\n"
    values = rows(content, read(content))
    assert [row[0] for row in values[:2]] == ["00123", "NA"]
    assert values[1][2] is None


def test_columns_are_found_by_name_and_by_label_and_others_are_carried() -> None:
    content = b"Case;COUNTRY;Income;age;problem\nx;NA;1;2;old\n"
    table = read(content)
    roles = [column.role for column in table.columns]
    assert roles == [CARRIED, ".country", ".income", ".age", LEFT_OUT]
    assert ready(content, table)[0].carried == ("x",)


def test_doubled_names_are_chosen_by_nobody_but_the_person() -> None:
    content = b"country;income;income;age\nNA;1;2;3\n"
    table = read(content)
    assert [column.role for column in table.columns] == [".country", CARRIED, CARRIED, ".age"]
    assert "2 columns may be Income. Choose one of them." in table.notes
    [problem] = table.problems
    assert problem.startswith("No column is chosen for Income. Each row needs a value: choose")
    assert table.names == ["country", "income", "income (2)", "age"]


def test_a_column_chosen_twice_keeps_the_rows_from_being_checked() -> None:
    content = b"country;income;x;age\nNA;1;2;3\n"
    kept = read(content).choices
    chosen = Choices(**{**vars(kept), "roles": (".country", ".income", ".income", ".age")})
    assert read(content, chosen).problems == ("Two columns are chosen for Income. Choose one.",)


def test_rows_have_the_numbers_that_a_spreadsheet_shows() -> None:
    content = b"\r\nQuarterly list\r\n\r\ncountry;income;age\r\n\r\nNA;1;2\r\n;;\r\nNO;3;4\r\n"
    table = read(content)
    assert table.choices.header == 4
    assert "Empty rows are left out." in table.notes
    assert [row.number for row in ready(content, table)] == [6, 8]


def test_a_file_without_names_is_taken_in_the_models_order_and_says_so() -> None:
    content = b"NA;1,5;2\nNO;3,5;4\n"
    table = read(content)
    assert table.choices.header == 0
    assert "The file has no names. The columns were taken in the model’s own order." in table.notes
    assert rows(content, table) == [("NA", 1.5, 2), ("NO", 3.5, 4)]


def test_cells_beyond_the_last_column_are_a_problem_of_the_row() -> None:
    content = b"country;income;age\nNA;1;2\nNO;3;4;5;6\nSE;1;2;;\n"
    table = read(content, Choices(header=1, roles=(".country", ".income", ".age", "", "")))
    assert len(table.columns) == 5
    late = b"country;income;age\n" + b"NA;1;2\n" * 1000 + b"NO;3;4;5\n"
    assert rows(late, read(late))[-1] == [
        "The row has 4 cells for 3 columns. Expected no cells beyond the last column."
    ]


def test_an_open_quotation_mark_is_said_with_its_row_instead_of_swallowing_rows() -> None:
    content = b'country,income,age\nNA,1,2\nNO,"3,4\nSE,1,2\n'
    with pytest.raises(TableUnreadable, match="Row 3 cannot be read: a quotation mark"):
        read(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty"),
        (b"\n\n;;\n", "The file has no cells"),
        (b"%PDF-1.7 and more", "This file is no table"),
        (b"\x00\x01\x02" * 99, "This file is no table"),
        (b"PK\x03\x04 and nothing more", "not a spreadsheet that can be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "not a spreadsheet|password"),
        (b"a," * 3000 + b"\n1\n", r"Row 1 has 3,001 columns. At most 2,500"),
        (b"x" * 1_500_000, "Row 1 has more than"),
        (b'"' + b"x\n" * 200_000, "Row 1 cannot be read|Row 1 has more than"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(TableUnreadable, match=said):
        read(content)


def test_texts_with_nul_reach_nobody_as_a_value() -> None:
    content = b"country,income,age\nN\x00A,1,2\n"
    [[sentence]] = rows(content, read(content))
    assert "cannot be stored" in sentence


def test_what_our_own_files_escaped_comes_back_as_it_was() -> None:
    content = b"country,income,age,note\n'=NO,1,2,'+49 30\n"
    table = read(content)
    [row] = ready(content, table)
    assert (row.values[0], row.carried) == ("=NO", ("+49 30",))


def test_cells_of_a_spreadsheet_keep_their_types() -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["country", "income", "age", "day", "zip"])
        day = book.add_format({"num_format": "dd.mm.yyyy"})
        sheet.write_row(1, 0, ["NA", 18500, 31])
        sheet.write_datetime(1, 3, date(2024, 5, 1), day)
        sheet.write_string(1, 4, "00123")

    content = workbook(fill)
    table = read(content)
    [row] = ready(content, table)
    assert row.values == ("NA", 18500.0, 31)
    assert row.carried == ("2024-05-01", "00123")
    assert "“day” has dates. They are read as texts such as 2024-05-01." in table.notes


def test_numbers_of_cells_are_shown_in_the_notation_of_the_reader() -> None:
    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["country", "income", "age"])
        sheet.write_row(1, 0, ["1.5", 24537.5, 31])

    with written_with(","):
        [(_, shown)] = read(workbook(fill)).first
    assert shown == ("1.5", "24537,5", "31")


def test_numbers_where_the_model_takes_texts_are_read_as_texts_and_said() -> None:
    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["country", "income", "age"])
        sheet.write_row(1, 0, [123, 1, 2])

    content = workbook(fill)
    table = read(content)
    assert rows(content, table) == [("123", 1.0, 2)]
    assert any("leading zeros that a spreadsheet removed are lost" in one for one in table.notes)


def test_formulas_errors_and_hidden_sheets_are_said() -> None:
    def fill(book: Any, sheet: Any) -> None:
        book.add_worksheet("Old").hide()
        sheet.write_row(0, 0, ["country", "income", "age"])
        sheet.write_row(1, 0, ["NA", 1])
        sheet.write_formula(1, 2, "=1+1", None, 2)
        sheet.write_row(2, 0, ["NO", 1])
        sheet.write_formula(2, 2, "=1/0", None, "#DIV/0!")

    content = workbook(fill)
    table = read(content)
    said = " ".join(table.notes)
    assert "1 other sheet is not read, of which 1 hidden." in said
    assert "2 cells have a formula." in said
    assert "1 cell holds an error" in said
    assert rows(content, table) == [("NA", 1.0, 2), ("NO", 1.0, None)]


def test_another_sheet_can_be_chosen() -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write(0, 0, "Read me")
        other = book.add_worksheet("Rows")
        other.write_row(2, 1, ["country", "income", "age"])
        other.write_row(3, 1, ["NA", 1, 2])

    content = workbook(fill)
    assert read(content).choices.sheet == "Data"
    table = read(content, Choices(sheet="Rows"))
    assert table.choices.header == 3
    [row] = ready(content, table)
    assert (row.values, row.number) == (("NA", 1.0, 2), 4)


def test_a_sheet_that_claims_a_million_rows_and_columns_ends_the_reader_alone() -> None:
    def fill(_: Any, sheet: Any) -> None:
        sheet.write(0, 0, 1)
        sheet.write(1_048_575, 16_383, 1)

    with pytest.raises(TableUnreadable, match="unpacks to more than can be read"):
        read(workbook(fill))


def declared(content: bytes, size: int) -> bytes:
    """The packed file, whose last part is declared to have this size."""
    changed = bytearray(content)
    place = changed.rindex(b"PK\x01\x02")
    changed[place + 24 : place + 28] = size.to_bytes(4, "little")
    return bytes(changed)


def test_a_file_that_says_it_unpacks_to_2_gb_is_refused_before_anything_is_unpacked() -> None:
    content = workbook(lambda _, sheet: sheet.write_row(0, 0, ["country"] * 10))
    with pytest.raises(TableUnreadable, match="unpacks to more than can be read"):
        read(declared(content, 2**31))


def test_a_zip_bomb_that_says_it_is_small_costs_nobody_but_its_reader() -> None:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"<workbook>" + b" " * 64 * 1024**2)
    with pytest.raises(TableUnreadable):
        read(declared(into.getvalue(), 100))


def with_workbook(change: Callable[[bytes], bytes]) -> bytes:
    """Return a spreadsheet whose list of sheets is changed."""
    honest = workbook(lambda book, sheet: sheet.write_row(0, 0, ["country", "income", "age"]))
    into = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(honest)) as given, zipfile.ZipFile(into, "w", 8) as packed:
        for part in given.namelist():
            content = given.read(part)
            packed.writestr(part, change(content) if part == "xl/workbook.xml" else content)
    return into.getvalue()


@pytest.mark.parametrize("word", ["a" * 3_000_000, "a:" * 1_500_000, "a " * 1_500_000])
def test_a_workbook_of_long_words_is_read_in_one_go(word: str) -> None:
    """It took a minute of the processor, at the end of which the process was ended."""
    comment = f"<sheets><!-- <sheet {word}> -->".encode()
    table = read(with_workbook(lambda markup: markup.replace(b"<sheets>", comment)))
    assert table.sheets == (("Data", False),)


def test_a_workbook_of_endless_sheets_is_refused() -> None:
    sheets = b'<sheet name="s" sheetId="9" r:id="rId1"/>' * 50_000 + b"</sheets>"
    with pytest.raises(TableUnreadable, match="Save the sheet as CSV"):
        read(with_workbook(lambda markup: markup.replace(b"</sheets>", sheets)))


def test_the_process_that_reads_spreadsheets_loads_no_settings() -> None:
    text = Path(tables.PROCESS).read_text()
    assert "django" not in text
    assert "config" not in text
