"""The preview: the form and the answer as people will see them."""

from dataclasses import replace

from django.test import Client
from django.utils import timezone

from executions.models import Execution
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.models import InputRule, ModelVersion, Rehearsal
from models_registry.own_rehearsals import open_example, write_example
from models_registry.rehearsal_results import Example
from tests.factories import AGE, INCOME, LOAN_ANSWER, make_version


def page_of(version: ModelVersion) -> str:
    return f"/admin/executions/execution/preview/{version.pk}/"


def posted(client: Client, version: ModelVersion, **values: str) -> dict[str, str]:
    form = client.get(page_of(version)).context["form"]
    hidden = {name: str(form.initial[name]) for name in ("form_token", "schema")}
    return hidden | {"f0": "34", "f1": "", "f2": "true", "f3": "emp"} | values


def test_values_that_fit_are_valid_and_nothing_runs(as_ada: Client) -> None:
    version = make_version(is_tested=False)
    page = as_ada.post(page_of(version), posted(as_ada, version))
    assert "These values are valid." in page.content.decode()
    assert not Execution.objects.exists()


def test_values_that_do_not_fit_get_the_words_that_people_get(as_ada: Client) -> None:
    version = make_version()
    InputRule.from_spec(version, 0, RuleSpec("age", RuleKind.BELOW, "income")).save()
    page = as_ada.post(page_of(version), posted(as_ada, version, f1="30"))
    assert page.status_code == 422
    assert "Age must be less than Annual income." in page.content.decode()
    fixed = posted(as_ada, version, f0="130", fix="f0=100")
    assert as_ada.post(page_of(version), fixed).status_code == 200


def test_the_example_is_the_answer_to_the_typical_row_with_its_inputs(as_ada: Client) -> None:
    """2.1.7: the expected output of the preview is the answer to the typical values."""
    version = make_version()
    typical = version.features.as_schema().typical_values()
    write_example(version, Example(typical, LOAN_ANSWER), None)
    page = as_ada.get(page_of(version)).content.decode()
    assert "Example result" in page
    assert "Not your data" in page
    assert "Repays" in page
    assert "83.4 %" in page
    inputs = page[page.index("Made with these typical values") :]
    assert ["42 years" in inputs, "not known" in inputs, "Employed" in inputs] == [True] * 3


def test_without_an_answer_yet_the_preview_says_nothing_false(as_ada: Client) -> None:
    version = make_version()
    assert "There is no answer to the typical values yet." in read(as_ada, version)
    example = open_example(version, None)
    assert example is not None
    assert "The model is answering the typical values." in read(as_ada, version)
    Rehearsal.objects.update(
        status="failed", finished_at=timezone.now(), message="Age: 42 is too low."
    )
    assert "There is no example: Age: 42 is too low." in read(as_ada, version)


def read(client: Client, version: ModelVersion) -> str:
    return client.get(page_of(version)).content.decode()


def test_the_form_stands_in_the_admins_order_with_what_is_advanced_folded(as_ada: Client) -> None:
    features = (
        replace(AGE, rank=2, group="Advanced", deprecation="Use the birth date", typical=None),
        replace(INCOME, rank=1),
    )
    version = make_version(features=features)
    page = as_ada.get(page_of(version)).content.decode()
    assert page.index("Annual income") < page.index("<s>Age</s>")
    assert "Use the birth date" in page
    assert "1 input</span>" in page
    data = posted(as_ada, version, f0="34")
    data = {name: value for name, value in data.items() if name not in {"f2", "f3"}}
    answer = as_ada.post(page_of(version), data).content.decode()
    assert "1 input, 1 changed</span>" in answer
