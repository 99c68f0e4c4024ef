"""The prediction form: it carries every value that the schema takes, in fields or as one pasted
row."""

import json
import re
import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from executions.forms import FIELDS, InputForm
from executions.input_fields import SUGGESTED
from executions.models import Execution
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_schema import InputSchema
from tests.factories import AGE, LOAN_OUTPUTS, WORK, make_execution, make_version

CITY = FeatureSpec(
    "city",
    "City",
    Kind.CHOICE,
    choices=(("Oslo", "Oslo"), ("be", "Bergen"), ("", "(empty)")),
    takes_others=True,
)
SHOP = replace(
    CITY, name="shop", label="Shop", choices=tuple((f"s{n}", f"Shop {n}") for n in range(40))
)
IDS = (1234567890123456788, 1234567890123456789)
STORE = FeatureSpec("id", "Store", Kind.CHOICE, choices=tuple((one, str(one)) for one in IDS))
NOTE = FeatureSpec("note", "Note", Kind.STRING)
UNUSED = FeatureSpec("row", "Row", Kind.UNUSED, Requirement.MAY_BE_MISSING)


def posted(schema: InputSchema, **fields: str) -> InputForm:
    data = {"form_token": str(uuid.uuid4()), "schema": schema.digest}
    return InputForm(schema, data | {name.replace("_", "-"): text for name, text in fields.items()})


def values(schema: InputSchema, **fields: str) -> Any:
    form = posted(schema, **fields)
    return form.cleaned_inputs.values if form.is_valid() else form.errors


def page(schema: InputSchema, client: Client, **query: str) -> str:
    version = make_version(features=schema.features, is_active=True)
    return on_one_line(client.get(f"/models/{version.model.slug}/", query))


def on_one_line(response: Any) -> str:
    return re.sub(r"\s*\n\s*", " ", response.content.decode())


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"f0": "Oslo"}, "Oslo"),
        ({"f0": "(empty)"}, ""),
        ({"f0": "f0-other", "f0_other": "Stavanger "}, "Stavanger"),
        ({"f0_other": "Stavanger"}, "Stavanger"),
        ({"f0": "be", "f0_other": "left over"}, "be"),
        ({"f0": "Stavanger"}, "Stavanger"),
    ],
    ids=str,
)
def test_a_value_beside_the_choices_is_written_without_scripts(
    fields: dict[str, str], value: str
) -> None:
    assert values(InputSchema((CITY,)), **fields) == {"city": value}


@pytest.mark.parametrize("fields", [{}, {"f0": ""}, {"f0": "f0-other", "f0_other": " "}], ids=str)
def test_nothing_chosen_and_nothing_written_is_no_value(fields: dict[str, str]) -> None:
    assert "A value is needed." in str(values(InputSchema((CITY,)), **fields))


def test_the_field_of_another_value_stands_beside_few_choices(as_alice: Client) -> None:
    text = page(InputSchema((CITY,)), as_alice)
    assert 'value="f0-other" class="is-other"' in text
    assert 'name="f0-other"' in text
    assert "Another value runs with a warning" in text


def test_many_choices_are_suggested_to_a_text_field(as_alice: Client) -> None:
    schema = InputSchema((SHOP,))
    text = page(schema, as_alice)
    assert 'list="f0-known"' in text
    assert '<datalist id="f0-known"><option value="Shop 0">' in text
    assert "40 values are known. Another one runs with a warning" in text
    assert values(schema, f0="Shop 3 ") == {"shop": "s3"}
    assert values(schema, f0="Shop 99") == {"shop": "Shop 99"}


def test_of_thousands_of_closed_choices_some_are_suggested_and_each_can_be_written() -> None:
    many = tuple((f"m{n}", f"Merchant {n:05d}") for n in range(20_000))
    feature = replace(SHOP, choices=many, takes_others=False)
    schema = InputSchema((feature,))
    (field,) = InputForm(schema).inputs.values()
    assert field.layout == "suggest"
    assert field.datalist.count("<option") == SUGGESTED
    assert values(schema, f0="Merchant 19999") == {"shop": "m19999"}
    assert "Did you mean Merchant 19999?" in str(values(schema, f0="Merchant 199999"))


def test_a_warning_is_kept_with_the_prediction_and_shown(as_alice: Client) -> None:
    version = make_version(features=(CITY,), is_active=True)
    schema = version.features.as_schema()
    as_alice.post(
        f"/models/{version.model.slug}/",
        {
            "form_token": str(uuid.uuid4()),
            "schema": schema.digest,
            "f0": "f0-other",
            "f0-other": "Osl",
        },
    )
    execution = Execution.objects.get()
    assert execution.inputs == {"city": "Osl"}
    assert "not trained with “Osl”" in execution.warnings[0]
    Execution.objects.update(
        status="succeeded", outputs=LOAN_OUTPUTS, started_at=execution.requested_at,
        finished_at=execution.requested_at,
    )  # fmt: skip
    text = on_one_line(as_alice.get(f"/predictions/{execution.pk}/"))
    assert "Did you mean Oslo?" in text
    assert 'name="f0-other" value="Osl"' in text


def test_each_choice_is_carried_as_itself(as_alice: Client) -> None:
    schema = InputSchema((STORE,))
    assert re.findall(r'name="f0" value="(\d+)"', page(schema, as_alice)) == [str(i) for i in IDS]
    assert [values(schema, f0=str(one)) for one in IDS] == [{"id": one} for one in IDS]


def test_what_the_model_does_not_use_is_not_asked_for(as_alice: Client) -> None:
    schema = InputSchema((UNUSED, AGE))
    text = page(schema, as_alice)
    assert 'name="f0"' not in text
    assert "1 input of the model is not asked for: no step of the model uses it." in text
    assert values(schema, f1="34") == {"row": None, "age": 34.0}


def test_a_control_character_survives_the_form(as_alice: Client) -> None:
    schema = InputSchema((NOTE,))
    assert values(schema, f0="I\x92ll\x0c") == {"note": "I\x92ll\x0c"}
    assert "“\\x00” at character 2 cannot be stored" in str(values(schema, f0="a\x00"))


def test_a_blank_text_area_is_no_value() -> None:
    assert "A value is needed." in str(values(InputSchema((NOTE,)), f0=" \r\n"))


def test_a_retry_runs_what_was_stored_and_not_what_a_form_would_make_of_it(
    as_alice: Client, alice: Any
) -> None:
    version = make_version(features=(UNUSED, CITY, NOTE, STORE), is_active=True)
    inputs = {"row": 7, "city": " Oslo", "note": "", "id": IDS[1]}
    execution = make_execution(user=alice, version=version, inputs=inputs, error_code="CRASH")
    answer = as_alice.post(f"/predictions/{execution.pk}/retry/", {"form_token": uuid.uuid4()})
    assert answer.status_code == 302
    assert Execution.objects.exclude(pk=execution.pk).get().inputs == inputs


WIDE = InputSchema(
    (
        *(
            replace(AGE, name=f"a{n}", label=f"A {n}", minimum=None, maximum=None, unit="")
            for n in range(FIELDS)
        ),
        UNUSED,
        replace(NOTE, requirement=Requirement.MAY_BE_MISSING),
        CITY,
    )
)
ROW = {f"a{n}": float(n % 90) for n in range(FIELDS)} | {"note": "x, y", "city": "be"}
NUMBERS = [f"{n % 90}" for n in range(FIELDS)]


@pytest.mark.parametrize(
    "row",
    [
        ",".join([*NUMBERS, "99", '"x, y"', "Bergen"]),
        ",".join([*NUMBERS, '"x, y"', "be"]),
        "\t".join([*NUMBERS, "x, y", "be"]),
        ";".join(f"{text}.0" for text in NUMBERS) + ";x, y;be\r\n",
        ";".join(f"{text},0" for text in NUMBERS) + ";x, y;be",
        ",".join(["city", "note", *(f"a{n}" for n in range(FIELDS)), "target"])
        + '\nBergen,"x, y",'
        + ",".join([*NUMBERS, "1"]),
        "\t".join(["City", "Note", *(f"A {n}" for n in range(FIELDS))])
        + "\n"
        + "\t".join(["be", "x, y", *NUMBERS]),
        json.dumps(ROW),
    ],
    ids=["csv", "csv of what is used", "tabs", "points", "commas", "header", "labels", "json"],
)
def test_a_row_is_pasted_as_tables_hold_it(row: str) -> None:
    found = values(WIDE, row=row)
    assert {name: value for name, value in found.items() if name != "row"} == ROW


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("", "A 0: A value is needed."),
        ("1,2,3", "The row has 3 values, the model takes 203."),
        ("\t".join(f"a{n}" for n in range(FIELDS)), "This is the line of column names."),
        ("a0,a1\n1", "There are 2 column names and 1 values."),
        ("x,y\n1,2", "None of the column names is an input of the model."),
        ("a0,a0\n1,2", "The column “a0” appears twice."),
        ("1\n2\n3", "These are 3 lines."),
        ("{1}", "This begins like a JSON object, but is not valid JSON."),
        ("x" * 1_000_001, "A row has at most 1,000,000 characters."),
        ("a0\nold", "A 0: This is not a number."),
        ('"' + "x" * 200_000, "This cannot be read as a row"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_row_is_told_why(row: str, sentence: str) -> None:
    assert sentence in str(values(WIDE, row=row))


def test_columns_that_the_model_does_not_have_are_named_in_a_warning() -> None:
    form = posted(WIDE, row=json.dumps(ROW | {"target": 1}))
    assert form.is_valid()
    assert form.cleaned_inputs.warnings == (
        "Not used, since the model has no such inputs: “target”.",
    )


def test_a_points_row_of_somebody_who_writes_commas_is_read_by_what_only_a_point_can_be() -> None:
    cells = ["1.234", *["0.5"] * (FIELDS - 1), "x", "be"]
    data = {"form_token": str(uuid.uuid4()), "schema": WIDE.digest, "row": ";".join(cells)}
    form = InputForm(WIDE, data, decimal_mark=",")
    assert form.is_valid(), form.errors
    assert form.cleaned_inputs.values["a0"] == 1.234


@pytest.mark.parametrize("mark", ["", ".", ","])
def test_a_row_that_the_form_shows_reads_back(mark: str) -> None:
    own = ROW | {"a0": 0.125, "a1": 1e22, "city": "", "note": 'tab\tand “quotes” "\n'}
    shown = InputForm(WIDE, values=own, decimal_mark=mark).initial
    form = InputForm(WIDE, shown, decimal_mark=mark)
    assert form.is_valid(), form.errors
    assert form.cleaned_inputs.values == own | {"row": None}


def test_a_wide_form_says_how_many_values_are_wrong_and_names_the_first(as_alice: Client) -> None:
    version = make_version(features=WIDE.features, is_active=True)
    answer = as_alice.post(
        f"/models/{version.model.slug}/",
        {"form_token": str(uuid.uuid4()), "schema": WIDE.digest, "row": "a0\nold"},
    )
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "201 values need a correction. Nothing has been run." in text
    assert "191 more values need a correction." in text
    assert "a0\nold</textarea>" in text


def test_the_page_of_two_thousand_inputs_is_small(
    as_alice: Client, django_assert_max_num_queries: Any
) -> None:
    features = tuple(replace(AGE, name=f"band_{n}", label=f"Band {n}") for n in range(2000))
    version = make_version(features=features, is_active=True)
    with django_assert_max_num_queries(25):
        text = as_alice.get(f"/models/{version.model.slug}/?typical=1").content
    assert len(text) < 120_000


@pytest.mark.parametrize("address", ["test", "preview"])
def test_admins_paste_the_same_row(as_ada: Client, address: str) -> None:
    version = make_version(features=WIDE.features)
    page = f"/admin/executions/execution/{address}/{version.pk}/"
    assert 'name="row"' in as_ada.get(page).content.decode()
    answer = as_ada.post(
        page,
        {"form_token": str(uuid.uuid4()), "schema": WIDE.digest, "row": json.dumps(ROW)},
    )
    assert answer.status_code in {200, 302}


def test_a_choice_of_work_stays_closed_and_in_buttons(as_alice: Client) -> None:
    text = page(InputSchema((WORK,)), as_alice)
    assert "is-other" not in text
    assert "datalist" not in text
