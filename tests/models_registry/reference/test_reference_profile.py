from collections.abc import Iterator

import pytest

from models_registry.errors import BadReferenceData
from models_registry.reference import reference_profile
from models_registry.reference.reference_profile import Profile, number_of, quantile, read_reference


def read(text: str, **options: str) -> reference_profile.Reference:
    return read_reference([text.encode()], **options)


def test_a_number_is_told_by_its_count_range_mean_and_quantiles() -> None:
    column = read("age\n" + "\n".join(map(str, range(1, 102))) + "\n").profile.columns["age"]
    assert (column.count, column.missing, column.minimum, column.maximum) == (101, 0, 1, 101)
    assert column.mean == pytest.approx(51)
    assert list(column.quantiles) == [6, 26, 51, 76, 96]
    assert column.is_whole


def test_identifiers_keep_their_digits_in_range_and_median() -> None:
    first = 1_234_567_890_123_456_788
    column = read("id\n" + "".join(f"{first + n}\n" for n in range(3))).profile.columns["id"]
    assert (column.minimum, column.median, column.maximum) == (first, first + 1, first + 2)
    assert column.is_whole


def test_a_text_is_told_by_its_most_frequent_values() -> None:
    column = read("town,x\nBern,1\nChur,1\nBern,1\n,1\n").profile.columns["town"]
    assert (column.values, column.missing, column.is_number) == (
        (("Bern", 2), ("Chur", 1)),
        1,
        False,
    )


def test_a_word_for_missing_is_missing_among_numbers_and_a_word_among_words() -> None:
    columns = read("a,b\n1,none\nNA,NA\n2,x\n").profile.columns
    assert (columns["a"].count, columns["a"].missing) == (2, 1)
    assert dict(columns["b"].values) == {"none": 1, "NA": 1, "x": 1}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found_by_the_header(separator: str) -> None:
    columns = read(f"a{separator}b\n1{separator}2\n").profile.columns
    assert list(columns) == ["a", "b"]


def test_a_decimal_comma_is_read_as_one() -> None:
    profile = read('a;b\n1,5;1.234,5\n"2,5";7\n').profile
    assert profile.decimal_mark == ","
    assert profile.columns["a"].quantiles[2] == 2.0
    assert profile.columns["b"].maximum == 1234.5


@pytest.mark.parametrize(
    ("cell", "mark", "number"),
    [
        ("1,5", ",", 1.5),
        ("1.234", ",", 1234),
        ("1.234", ".", 1.234),
        ("-.5", ".", -0.5),
        ("1e3", ".", 1000),
        ("1_000", ".", None),
        ("inf", ".", None),
        ("1e999", ".", None),
        ("٣", ".", 3),
        ("1234567890123456789", ".", 1_234_567_890_123_456_789),
    ],
)
def test_a_cell_is_a_number_as_people_write_them(
    cell: str, mark: str, number: float | None
) -> None:
    assert number_of(cell, mark) == number


def test_a_byte_order_mark_quotes_and_line_ends_of_windows_are_no_trouble() -> None:
    reference = read('\ufeffname,note\r\n"Ä, B","two\r\nlines"\r\n\r\n')
    assert reference.rows == ({"name": "Ä, B", "note": "two\r\nlines"},)


def test_the_same_file_always_leaves_the_same_200_rows_in_its_order() -> None:
    text = "n\n" + "\n".join(map(str, range(5000)))
    kept = [int(row["n"]) for row in read(text).rows]
    assert (len(kept), kept) == (200, sorted(kept))
    assert kept == [int(row["n"]) for row in read(text).rows]
    assert max(kept) > 4000


def test_a_character_cut_in_two_by_the_transfer_is_read_whole() -> None:
    content = "town\nZürich\n".encode()
    at = content.index(b"\xc3") + 1
    assert read_reference([content[:at], content[at:]]).rows == ({"town": "Zürich"},)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("a,b\n", "no rows"),
        ("a,a\n1,2\n", "Two columns are called “a”"),
        ("a,b\n1,2\n1\n", "Row 2 .* has 1 values, the header names 2 columns"),
        ("a\n" + "x" * 10_001, "Row 1 .* 10,001 characters"),
        ("a\nx\x00y\n", "NUL"),
        (",".join(f"c{n}" for n in range(2501)) + "\n", "2501 columns"),
        ("a," + "n" * 301 + "\n1,2\n", "The name of column 2 .* has 301 characters; at most 300"),
        ("a,b\x1b[2J\n1,2\n", r"The name of column 2 .* cannot be stored \(U\+001B\)"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(BadReferenceData, match=sentence):
        read(text)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(BadReferenceData, match="not UTF-8"):
        read_reference([b"a\n\xff\xfe\n"])


def test_a_target_that_is_no_column_is_refused_with_the_columns_there_are() -> None:
    with pytest.raises(BadReferenceData, match=r"no column “price”\. Its columns are: a, b"):
        read("a,b\n1,2\n", target="price")


def test_a_file_over_the_limit_is_not_read_to_its_end() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"a\n" * 500_000

    with pytest.raises(BadReferenceData, match=r"larger than 20 MB|more than 100,000 rows"):
        read_reference(endless())
    assert taken < 25


def test_a_line_without_an_end_is_given_up() -> None:
    with pytest.raises(BadReferenceData, match="too long to be one row"):
        read_reference([b"x" * 700_000] * 4)


def test_more_values_than_are_counted_are_cut() -> None:
    text = "t\n" + "\n".join(f"word {n}" for n in range(reference_profile.MAX_DISTINCT + 10))
    assert read(text).profile.columns["t"].distinct == reference_profile.MAX_DISTINCT


def test_a_profile_comes_back_from_json_as_it_went() -> None:
    profile = read("a;b\n1,5;x\n;y\n", target="b").profile
    assert Profile.from_json(profile.to_json()) == profile


def test_a_quantile_lies_between_its_neighbours() -> None:
    assert quantile([1.0, 2.0, 4.0], 0.75) == 3.0
