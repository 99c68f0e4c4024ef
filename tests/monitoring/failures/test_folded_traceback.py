"""A traceback for display: our own calls open, libraries folded, the exception last."""

from hypothesis import given
from hypothesis import strategies as st

from monitoring.failures.folded_traceback import read_stack

TRACEBACK = """Traceback (most recent call last):
  File "/srv/model_host/answering/prediction.py", line 59, in predict
    answer = ask(row)
             ^^^^^^^^
  File "/v/lib/python3.11/site-packages/sklearn/pipeline.py", line 794, in predict
    Xt = transform.transform(Xt)
  File "/usr/lib/python3.11/functools.py", line 12, in inner
    return f()
  File "/v/lib/python3.11/site-packages/bank_models/ratios.py", line 7, in transform
    return X.amount / X.months
  File "/v/lib/python3.11/site-packages/pandas/core/ops.py", line 3, in divide
    raise ZeroDivisionError("no\\nmonths")
ZeroDivisionError: no
months
"""


def test_library_calls_are_folded_and_a_models_own_code_stands_open() -> None:
    items = read_stack(TRACEBACK)
    assert [item.kind for item in items] == ["own", "fold", "own", "library", "raise"]
    assert items[1].packages == "sklearn, Python"
    assert items[2].frames[0].place == "bank_models/ratios.py"
    assert (items[-1].exception, items[-1].text) == ("ZeroDivisionError", "no\nmonths")


def test_an_exception_that_led_to_another_is_told_before_it() -> None:
    told = TRACEBACK + "\nDuring handling of it, another came:\n\n" + TRACEBACK
    raised = [item.exception for item in read_stack(told) if item.kind == "raise"]
    assert raised == ["ZeroDivisionError", "ZeroDivisionError"]


def test_calls_recorded_by_a_replay_have_short_paths() -> None:
    (item, *_) = read_stack('  File "sklearn/base.py", line 1, in f\n    g()\nValueError: x')
    assert item.kind == "library"


@given(st.text())
def test_whatever_a_traceback_holds_is_read(text: str) -> None:
    for item in read_stack(f'  File "a.py", line 1, in f\n{text}'):
        assert item.kind in {"own", "library", "fold", "raise"}
