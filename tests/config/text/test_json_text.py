import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.text import json_text
from config.text.json_text import MAX_DEPTH, MAX_VALUES, BadJson, NotJson, read_json

TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)  # fmt: skip


@given(VALUES, st.booleans())
def test_what_was_written_is_what_is_read(value: Any, is_ascii: bool) -> None:
    assert read_json(json.dumps(value, ensure_ascii=is_ascii), "It") == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "It has the key “c” twice in one mapping"),
        ('{"a": NaN}', "It has NaN, which is no number"),
        ('{"a": -Infinity}', "It has -Infinity, which is no number"),
        ('{"a": 1e999}', "It has a number that is too large: “1e999”"),
        ('{"a": -1e999}', "It has a number that is too large: “-1e999”"),
        ('{"a": ' + "9" * 400 + "}", "It has a number that is too large: “9999"),
        ('{"a": ["\\u0000"]}', "It: “a[0]” holds a character that cannot be stored (U+0000)"),
        ('{"a": "\\ud800"}', "It: “a” holds a character that cannot be stored (U+D800)"),
        ('{"a": "\\u001b[31m"}', "It: “a” holds a character that cannot be stored (U+001B)"),
        ('{"a\\u0000": 1}', "It: the key “a\ufffd” holds a character that cannot be stored"),
        ('{"' + "k" * 301 + '": 1}', "has 301 characters; at most 300"),
        ('{"a": "' + "k" * 5001 + '"}', "It: “a” has 5,001 characters; at most 5,000"),
        ("[" * 21 + "]" * 21, "It is nested too deeply: at most 20 levels"),
        ("[" + "1," * 50_001 + "1]", "It holds too many values: at most 50,000"),
        ("{", "It is not valid JSON near line 1"),
        ('{"a": 1,\n}', "It is not valid JSON near line 2"),
        ("", "It is not valid JSON near line 1"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, sentence: str) -> None:
    with pytest.raises(BadJson) as refusal:
        read_json(text, "It")
    assert sentence in str(refusal.value)


def test_brackets_and_commas_in_a_text_are_no_levels_and_no_values() -> None:
    text = json.dumps({"a": '\\"' + "[{,:" * 1000})
    assert read_json(text, "It", max_depth=1, max_values=1) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["[" * 400_000, "[" + "1," * 500_000 + "1]", '{"a":' * 200_000, "[" * 200_000 + "]" * 200_000],
)
def test_nothing_is_built_of_what_is_too_much(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("json.loads", None)
    tokens = 0

    class Counted:
        def finditer(self, text: str) -> Any:
            nonlocal tokens
            for found in scanner.finditer(text):
                tokens += 1
                yield found

    scanner = json_text._TOKENS
    monkeypatch.setattr(json_text, "_TOKENS", Counted())
    with pytest.raises(BadJson):
        read_json(text, "It")
    assert tokens <= 2 * max(MAX_DEPTH, MAX_VALUES) + 2


@pytest.mark.parametrize("text", ['{"' + '\\"' * 400_000, '"' + "\\" * 400_001, '{"' + 'a"' * 4000])
def test_a_text_that_does_not_end_is_scanned_once(text: str) -> None:
    tokens = [token.span() for token in json_text._TOKENS.finditer(text)]
    assert all(one[1] <= other[0] for one, other in pairwise(tokens))
    assert tokens[-1][1] >= len(text) - 1
    with pytest.raises(NotJson):
        read_json(text, "It")
