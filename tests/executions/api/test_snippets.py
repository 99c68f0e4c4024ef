"""The fold "API" of a result: commands that run with these inputs, without what is sensitive."""

import json
import shlex
from dataclasses import replace

from django.test import Client

from accounts.models import User
from executions.api.snippets import snippets_of
from models_registry.models import ModelVersion
from tests.executions.api.conftest import Program
from tests.factories import (
    AGE,
    HOME,
    INCOME,
    LOAN_INPUTS,
    LOAN_OUTPUTS,
    WORK,
    make_execution,
    make_version,
)


def test_the_command_sends_these_inputs(
    program: Program, active_version: ModelVersion, fake_prefect: object
) -> None:
    schema = active_version.features.as_schema()
    found = snippets_of(active_version, schema, LOAN_INPUTS | {"work": 'it\'s "ä" $HOME'})
    assert found is not None

    words = shlex.split(found.curl.replace("\\\n", " "))
    assert words[1].endswith(f"/api/v1/models/{active_version.model.slug}/predictions")
    sent = json.loads(words[words.index("-d") + 1])
    assert sent["inputs"] == LOAN_INPUTS | {"work": 'it\'s "ä" $HOME'}
    path = words[1].partition("/api/v1")[2]
    assert program.post(path, {"inputs": LOAN_INPUTS}).status_code == 202


def test_the_script_is_python_that_sends_them(active_version: ModelVersion) -> None:
    found = snippets_of(active_version, active_version.features.as_schema(), LOAN_INPUTS)
    assert found is not None

    code = found.python.partition("request =")[0]
    names: dict[str, object] = {}
    exec(code, names)
    assert names["inputs"] == LOAN_INPUTS
    compile(found.python, "script", "exec")


def test_sensitive_inputs_and_tokens_are_never_in_them(as_alice: Client, alice: User) -> None:
    version = make_version(
        features=(AGE, replace(INCOME, is_sensitive=True), HOME, WORK), is_active=True
    )
    inputs = LOAN_INPUTS | {"income": 41_512.0}
    execution = make_execution(user=alice, version=version, inputs=inputs, outputs=LOAN_OUTPUTS)

    page = as_alice.get(f"/predictions/{execution.pk}/")
    found = page.context["snippets"]

    assert "41512" not in found.curl + found.python
    assert "plb_" not in page.content.decode()
    assert "Fill in Annual income yourself" in page.content.decode()
