import io
import json

import pytest
from django.core.management import call_command

from accounts.models import User
from config.errors import DomainError
from executions.management.scripting import json_object


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "--inputs is not valid JSON near line 1"),
        ("[1]", "--inputs must be a JSON object"),
        ("5", "--inputs must be a JSON object"),
        ('{"age": 1, "age": 2}', "--inputs has the key “age” twice"),
        ('{"age": NaN}', "--inputs has NaN"),
        ('{"age": 1e999}', "--inputs has a number that is too large"),
        ('{"age": ' + "9" * 5000 + "}", "--inputs has a number that is too large"),
        ('{"a\\u0000": 1}', "holds a character that cannot be stored (U+0000)"),
        ('{"a":' * 100_000, "--inputs is nested too deeply"),
        ("[" + "1," * 500_000 + "1]", "--inputs holds too many values"),
    ],
)
def test_json_that_cannot_be_used_is_refused_by_name(text: str, sentence: str) -> None:
    with pytest.raises(DomainError) as refusal:
        json_object(text, "--inputs")
    assert sentence in refusal.value.message


def test_the_words_of_a_script_steer_no_terminal(alice: User) -> None:
    said = io.StringIO()
    model = "no\x1b[2J\u202e such\rmodel"
    with pytest.raises(SystemExit):
        call_command("predict", model, "--by", alice.email, "--inputs", "{}", stderr=said)
    assert r"No live model is called “no\x1b[2J\u202e such\rmodel”" in said.getvalue()
    with pytest.raises(SystemExit):
        call_command("predict", model, "--by", alice.email, "--inputs", "{}", "--json", stdout=said)
    assert "\x1b" not in said.getvalue()
    assert model in json.loads(said.getvalue().splitlines()[-1])["message"]


def test_texts_of_inputs_are_left_to_the_check_of_inputs() -> None:
    text = "I\x92ll \x00 " + "x" * 6000
    assert json_object(json.dumps({"text": text}), "--inputs") == {"text": text}
