"""Fingerprints of failures: the same for the same cause, and without a value in them."""

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.records.fingerprint import cause_of, hidden, normalised, raised_by, readable

TRACEBACK = """Traceback (most recent call last):
  File "/srv/model_host/answering/prediction.py", line 88, in predict
    answer = ask(row)
  File "/srv/site-packages/sklearn/preprocessing/_encoders.py", line 1024, in transform
    X_int, X_mask = self._transform(X)
                    ^^^^^^^^^^^^^^^^^^
ValueError: Found unknown categories ['Heat pump'] in column 2 during transform
"""


@given(st.floats() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_do_not_split_a_group(number: object) -> None:
    assert normalised(f"got {number} of 5 rows") == normalised("got 7 of 5 rows")


@given(st.text(), st.text())
def test_quoted_values_do_not_split_a_group(one: str, other: str) -> None:
    told = [normalised(f"unknown category {value!r} in column 2") for value in (one, other)]
    assert told[0] == told[1]


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_how_many_values_are_quoted_does_not_split_a_group(values: list[str]) -> None:
    assert normalised(f"Found unknown categories {values!r}") == normalised(
        "Found unknown categories ['a']"
    )


@given(st.uuids() | st.binary(min_size=4, max_size=32).map(lambda found: found.hex()))
def test_hex_digits_do_not_split_a_group(digits: object) -> None:
    address = hashlib.sha256(str(digits).encode()).hexdigest()[:12]
    told = normalised(f"object {digits} at 0x{address} is gone")
    assert told == normalised(f"object {uuid.uuid4()} at 0x7f00 is gone")


SEGMENT = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789_.-", min_size=1, max_size=12).filter(
    lambda text: text.strip(".")
)


@given(st.lists(SEGMENT, min_size=2, max_size=6))
def test_paths_do_not_split_a_group(segments: list[str]) -> None:
    path = "/" + "/".join(segments)
    assert normalised(f"cannot open {path} here") == normalised("cannot open /srv/x/y.txt here")


@given(st.text(max_size=6000))
def test_any_message_is_named_in_one_short_line(message: str) -> None:
    cause = cause_of(message=message, traceback="", values=[message[:5]])
    assert len(cause.title) <= 300
    assert cause.title == " ".join(cause.title.split())


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("can't use column x0 of float64", "can't use column x0 of float64"),
        ("Input X contains NaN.\nLogisticRegression", "Input X contains NaN. LogisticRegression"),
        ("expected 3, got [1. 2. nan]", "expected ‹n›, got [‹n›]"),
        ("no such key: “Müller”", "no such key: ‹…›"),
        ("it began with ['Heat pu", "it began with [‹…›"),
    ],
)
def test_words_stay_as_they_are(message: str, title: str) -> None:
    assert normalised(message) == title


def test_a_message_that_repeats_an_input_without_quotes_does_not_tell_it() -> None:
    cause = cause_of(
        message="ValueError: unknown city Old Sarum for Ann", traceback="", values=["Old Sarum"]
    )
    assert (cause.exception, cause.title) == ("ValueError", "unknown city ‹…› for Ann")


def test_a_value_within_a_word_is_no_value() -> None:
    assert hidden("transform of an", ["an"], "‹…›") == "transform of ‹…›"


def test_the_exception_is_the_last_one_of_the_traceback() -> None:
    assert raised_by(TRACEBACK) == (
        "ValueError",
        "Found unknown categories ['Heat pump'] in column 2 during transform",
    )
    chained = (
        TRACEBACK
        + "\nThe above exception was the direct cause of this:\n\n"
        + (TRACEBACK.replace("ValueError: Found", "model.errors.OddCity: Not found"))
    )
    assert cause_of(message="", traceback=chained).exception == "OddCity"


def test_the_same_cause_in_another_model_step_or_class_is_another_group() -> None:
    cause = cause_of(message="", traceback=TRACEBACK, step="encode")
    elsewhere = cause_of(message="", traceback=TRACEBACK, step="other")
    found = {
        cause.fingerprint(code="MODEL", model_id=1),
        cause.fingerprint(code="INPUT", model_id=1),
        cause.fingerprint(code="MODEL", model_id=2),
        elsewhere.fingerprint(code="MODEL", model_id=1),
    }
    assert len(found) == 4


def test_a_failure_without_a_traceback_is_named_by_its_message() -> None:
    cause = cause_of(message="The model took longer than 10 seconds.", traceback="")
    assert (cause.exception, cause.title) == ("", "The model took longer than ‹n› seconds.")


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Found unknown categories [‹…›] in column ‹n›", "Found unknown categories … in column …"),
        ("could not convert dtype(‹…›) to dtype(‹…›)", "could not convert … to …"),
        ("unknown category np.str_(‹…›)", "unknown category …"),
        ("expected ‹n›, got [‹n›]", "expected …, got …"),
        ("no file at ‹path› for ‹…›, ‹…›", "no file at … for …"),
        ("it began with [‹…›", "it began with …"),
        ("shapes (‹n›,‹n›) and (‹n›) not aligned", "shapes … and … not aligned"),
        ("len(x) must be f(y)", "len(x) must be f(y)"),
    ],
)
def test_a_title_for_people_has_no_placeholder(title: str, shown: str) -> None:
    assert readable(title) == shown
