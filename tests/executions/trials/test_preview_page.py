"""The preview: the form and the answer as people will see them."""

from dataclasses import replace

from django.test import Client

from executions.models import Execution
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.models import InputRule, Inspection, ModelVersion
from tests.factories import AGE, INCOME, LOAN_OUTPUTS, make_version


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


def test_the_example_is_the_inspections_trial_in_the_versions_labels(as_ada: Client) -> None:
    version = make_version()
    Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status="succeeded",
        finished_at="2026-01-01T00:00Z",
        report={"examination": {"smoke_outputs": LOAN_OUTPUTS}},
    )
    page = as_ada.get(page_of(version)).content.decode()
    assert "Example result" in page
    assert "Not your data" in page
    assert "Repays" in page
    assert "83.4 %" in page


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
