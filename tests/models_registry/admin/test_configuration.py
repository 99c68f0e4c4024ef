"""The page on which an admin edits a version's inputs and answers."""

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.schema_changes import schema_changes
from models_registry.inputs.spec_check import spec_problems
from models_registry.models import InputRule, ModelVersion
from models_registry.reference.reference_fit import fitted_rows
from models_registry.reference.reference_profile import Profile
from models_registry.revisions import configuration_of
from tests.factories import AGE, HOME, INCOME, LOAN_FEATURES, LOAN_TARGET, WORK, make_version

KNOWN_WORK = replace(WORK, sources={"kind": "OneHotEncoder"})
OPEN = FeatureSpec(
    "purpose", "Purpose", Kind.STRING, is_complete=False, sources={"kind": "could not be followed"}
)


class Posted(HTMLParser):
    """What a browser would post back from the page, unchanged."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.data: dict[str, str] = {}
        self._select = self._area = ""
        self.feed(page)

    def handle_data(self, data: str) -> None:
        if self._area:
            self.data[self._area] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name, value = found.get("name") or "", found.get("value") or ""
        if tag == "select":
            self._select = name
        elif tag == "textarea":
            self._area, self.data[name] = name, ""
        elif tag == "option" and "selected" in found:
            self.data[self._select] = value
        elif tag == "option":
            self.data.setdefault(self._select, value)
        elif tag == "input" and name and name != "csrfmiddlewaretoken":
            if found.get("type") != "checkbox":
                self.data[name] = value
            elif "checked" in found:
                self.data[name] = "on"


MANY = replace(
    KNOWN_WORK,
    name="merchant",
    label="Merchant",
    choices=tuple((f"Merchant {n}", f"Merchant {n}") for n in range(150)),
    takes_others=True,
    sources={"kind": "OneHotEncoder", "takes_others": "OneHotEncoder"},
)
UNUSED = FeatureSpec("row", "Row", Kind.UNUSED, Requirement.MAY_BE_MISSING)


def page_of(version: ModelVersion) -> str:
    return f"/admin/models_registry/modelversion/{version.pk}/inputs/"


def unchanged(client: Client, version: ModelVersion) -> dict[str, str]:
    return Posted(client.get(page_of(version)).content.decode()).data


def save(client: Client, version: ModelVersion, **changes: str) -> Any:
    """Open the page, make these changes (by field, "f0_label" for f0-label) and save."""
    data = unchanged(client, version)
    data |= {name.replace("_", "-", 1): value for name, value in changes.items()}
    return client.post(page_of(version), data)


def test_saving_the_page_as_it_came_changes_nothing(as_ada: Client) -> None:
    some = (
        *LOAN_FEATURES,
        KNOWN_WORK,
        OPEN,
        replace(AGE, name="x", step=0.5, default=20.5),
        replace(MANY, default="Merchant 7", typical="Another one"),
        replace(MANY, takes_others=False, typical="Merchant 8", sources={"kind": "config"}),
        replace(KNOWN_WORK, choices=(("", "(empty)"), (" ", "(1 space)"), ("A", "A")), typical=""),
        replace(KNOWN_WORK, choices=((2**60, str(2**60)), (2**60 + 1, "b")), default=2**60 + 1),
        replace(AGE, kind=Kind.INTEGER, minimum=2**60 + 1, maximum=None, typical=2**60 + 1),
        FeatureSpec("note", "Note", Kind.STRING, max_length=20_000, typical="x" * 1000),
        UNUSED,
    )
    features = tuple(replace(f, name=f"{f.name}{n}") for n, f in enumerate(some))
    version = make_version(features=features)
    InputRule.from_spec(version, 0, RuleSpec("work3", RuleKind.REQUIRES, "income1", "emp")).save()
    before = configuration_of(version)
    answer = save(as_ada, version)
    assert answer.status_code == 302
    version.refresh_from_db()
    assert version.revision == 1
    assert configuration_of(version) == before


def test_everything_about_a_number_can_be_said(as_ada: Client) -> None:
    version = make_version(features=(AGE, INCOME))
    save(
        as_ada,
        version,
        f0_label="Age today",
        f0_help="On the day of the loan",
        f0_unit="a",
        f0_group="Advanced",
        f0_kind="integer",
        f0_requirement="optional",
        f0_minimum="0",
        f0_maximum="",
        f0_soft_minimum="18",
        f0_soft_maximum="90",
        f0_step="1",
        f0_default="40",
        f0_typical="41",
        f0_is_sensitive="on",
        f0_is_listed="on",
        f0_deprecation="Use the birth date",
    )
    age = configuration_of(version).features[0]
    assert age.sources["label"] == "admin"
    assert replace(age, sources={}) == FeatureSpec(
        "age",
        "Age today",
        Kind.INTEGER,
        Requirement.OPTIONAL,
        help="On the day of the loan",
        unit="a",
        group="Advanced",
        minimum=0.0,
        soft_minimum=18.0,
        soft_maximum=90.0,
        step=1.0,
        default=40,
        typical=41,
        is_sensitive=True,
        is_listed=True,
        deprecation="Use the birth date",
        rank=age.rank,
    )


def test_all_errors_are_said_at_once_and_what_was_typed_stays(as_ada: Client) -> None:
    version = make_version(features=(AGE, INCOME, HOME))
    answer = save(
        as_ada,
        version,
        f0_minimum="lots",
        f0_label="",
        f1_requirement="optional",
        f2_label="My own house",
    )
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "3 values need a correction. Nothing has been saved." in text
    assert "This is not a number." in text
    assert "An optional input needs a default." in text
    assert 'value="lots"' in text
    assert 'value="My own house"' in text
    assert configuration_of(version).features == (AGE, INCOME, HOME)
    for target in re.findall(r'<li><a href="#([^"]+)">', text):
        assert f'id="{target}"' in text


def test_values_that_the_model_knows_keep_their_place_and_get_other_labels(as_ada: Client) -> None:
    version = make_version(features=(KNOWN_WORK,))
    data = unchanged(as_ada, version)
    assert "f0-kind" not in data
    assert "f0-v0" not in data
    save(as_ada, version, f0_c0="In work", f0_c1="", f0_v0="other", f0_kind="float")
    work = configuration_of(version).features[0]
    assert work.kind is Kind.CHOICE
    assert work.choices == (("emp", "In work"), ("self", "Self-employed"), ("none", "Not working"))


def test_an_input_that_could_not_be_followed_is_completed_without_scripts(as_ada: Client) -> None:
    version = make_version(features=(AGE, OPEN))
    page = as_ada.get(page_of(version)).content.decode()
    assert page.index('id="input-1"') < page.index('id="input-0"')
    asked = save(as_ada, version, f1_kind="choice", f1_is_complete="on")
    assert "A choice needs its values." in asked.content.decode()
    data = Posted(asked.content.decode()).data
    data |= {"f1-v0": "car", "f1-c0": "Car", "f1-v1": "home"}
    assert as_ada.post(page_of(version), data).status_code == 302
    purpose = configuration_of(version).features[1]
    assert purpose.is_complete
    assert purpose.choices == (("car", "Car"), ("home", "home"))


def test_choices_may_be_numbers(as_ada: Client) -> None:
    version = make_version(features=(replace(WORK, sources={"kind": "config"}),))
    save(as_ada, version, f0_numbers="on", f0_v0="1", f0_v1="2.5", f0_v2="")
    assert configuration_of(version).features[0].choices == (
        (1, "Employed"),
        (2.5, "Self-employed"),
    )


def test_an_input_moves_up_before_and_down_after_the_one_whose_place_it_takes(
    as_ada: Client,
) -> None:
    version = make_version()
    save(as_ada, version, f3_place="1")
    order = [feature.name for feature in version.features.as_schema().in_form_order]
    assert order == ["work", "age", "income", "home"]
    save(as_ada, version, f3_place="3")
    order = [feature.name for feature in version.features.as_schema().in_form_order]
    assert order == ["age", "income", "work", "home"]
    assert version.features.as_schema().features[0].name == "age"


def test_rules_are_added_changed_and_removed(as_ada: Client) -> None:
    version = make_version()
    save(as_ada, version, r0_first="0", r0_kind="below", r0_second="1", r0_message="")
    assert configuration_of(version).rules == (RuleSpec("age", RuleKind.BELOW, "income"),)
    save(
        as_ada, version, r0_first="3", r0_kind="requires", r0_value="Employed", r0_message="Say it."
    )
    rule = RuleSpec("work", RuleKind.REQUIRES, "income", "emp", "Say it.")
    assert configuration_of(version).rules == (rule,)
    save(as_ada, version, r0_remove="on")
    assert configuration_of(version).rules == ()
    assert [revision.number for revision in version.revisions.all()] == [4, 3, 2]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"r0_first": "0"}, "Choose an input."),
        ({"r0_first": "0", "r0_second": "0"}, "A rule needs two different inputs."),
        ({"r0_first": "3", "r0_second": "0"}, "Only numbers can be compared."),
        ({"r0_first": "99", "r0_second": "0"}, "Choose an input."),
        ({"r0_first": "3", "r0_second": "1", "r0_kind": "requires"}, "Say for which value"),
        (
            {"r0_first": "3", "r0_second": "1", "r0_kind": "requires", "r0_value": "xyz"},
            "is not a choice.",
        ),
    ],
    ids=str,
)
def test_a_rule_that_says_nothing_is_told_why(
    as_ada: Client, fields: dict[str, str], sentence: str
) -> None:
    version = make_version()
    answer = save(as_ada, version, **fields)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_answers_and_classes_are_named_on_the_same_page(as_ada: Client) -> None:
    price = TargetSpec("price", "Price")
    version = make_version(targets=(LOAN_TARGET, price))
    save(as_ada, version, t0_label="Risk", t0_c0="Low", t1_unit="€")
    risk, after = configuration_of(version).targets
    assert (risk.label, risk.class_labels) == ("Risk", ((0, "Low"), (1, "Defaults")))
    assert after.unit == "€"


def test_a_page_opened_before_somebody_elses_save_overwrites_nothing(as_ada: Client) -> None:
    version = make_version()
    old = unchanged(as_ada, version)
    save(as_ada, version, f0_unit="a")
    answer = as_ada.post(page_of(version), old | {"f0-unit": "b"})
    assert answer.status_code == 422
    assert "Somebody saved revision 2" in answer.content.decode()
    assert version.features.get(name="age").unit == "a"


def test_the_page_says_who_changed_what(as_ada: Client) -> None:
    version = make_version()
    save(as_ada, version, f0_unit="a")
    page = as_ada.get(page_of(version)).content.decode()
    assert "Age: Unit years → a" in page
    assert "by Ada Admin" in page


def test_once_live_the_page_only_shows_and_leads_to_a_duplicate(
    as_ada: Client, active_version: ModelVersion
) -> None:
    page = as_ada.get(page_of(active_version)).content.decode()
    assert "its inputs are locked" in page
    assert "Save as the next revision" not in page
    answer = save(as_ada, active_version, f0_unit="a")
    assert answer.status_code == 422
    assert active_version.features.get(name="age").unit == "years"
    draft = as_ada.post(page_of(active_version).replace("inputs", "duplicate"), follow=True)
    assert "Save as the next revision" in draft.content.decode()
    assert active_version.model.versions.count() == 2


def test_hostile_names_are_text(as_ada: Client) -> None:
    evil = "<script>alert(1)</script>"
    feature = FeatureSpec(evil, evil, Kind.CHOICE, choices=((evil, evil),), group=evil)
    version = make_version(features=(feature, AGE), targets=(TargetSpec(evil, evil),))
    InputRule.from_spec(version, 0, RuleSpec(evil, RuleKind.REQUIRES, "age", evil)).save()
    page = as_ada.get(page_of(version)).content.decode()
    assert "<script>alert" not in page
    assert save(as_ada, version).status_code == 302


def test_two_hundred_inputs_are_saved_at_once(as_ada: Client) -> None:
    features = tuple(replace(AGE, name=f"age{n}", label=f"Age {n}") for n in range(200))
    version = make_version(features=features)
    assert save(as_ada, version, f199_unit="a").status_code == 302
    assert version.features.get(name="age199").unit == "a"


def test_a_version_without_inputs_says_where_they_come_from(as_ada: Client) -> None:
    page = as_ada.get(page_of(make_version(features=(), targets=()))).content.decode()
    assert "No inputs are known yet" in page


def test_other_labels_of_many_choices_are_lines(as_ada: Client) -> None:
    version = make_version(features=(MANY,))
    assert Posted(as_ada.get(page_of(version)).content.decode()).data["f0-lines"] == ""
    save(as_ada, version, f0_lines="Merchant 7 = Seven = 7\r\n\r\nMerchant 9 = Nine\r\n")
    merchant = configuration_of(version).features[0]
    assert merchant.index.label_of("Merchant 7") == "Seven = 7"
    assert merchant.index.label_of("Merchant 8") == "Merchant 8"
    assert len(merchant.choices) == 150
    lines = Posted(as_ada.get(page_of(version)).content.decode()).data["f0-lines"]
    assert lines == "Merchant 7 = Seven = 7\nMerchant 9 = Nine"
    save(as_ada, version, f0_lines="Merchant 9 = Nine", f0_default="nine", f0_typical="Another")
    merchant = configuration_of(version).features[0]
    assert merchant.index.label_of("Merchant 7") == "Merchant 7"
    assert (merchant.default, merchant.typical) == ("nine", "Another")


def test_a_line_that_names_no_value_is_told(as_ada: Client) -> None:
    version = make_version(features=(MANY,))
    text = save(as_ada, version, f0_lines="Merchant 7 = Seven\nPaul = P").content.decode()
    assert "Line 2: the model has no such value." in text
    assert "Merchant 7 = Seven\nPaul = P</textarea>" in text


def test_many_choices_that_people_gave_are_lines_with_their_values(as_ada: Client) -> None:
    version = make_version(features=(replace(MANY, sources={"kind": "config"}),))
    lines = unchanged(as_ada, version)["f0-lines"].split("\n")
    assert lines[149] == "Merchant 149 = Merchant 149"
    save(as_ada, version, f0_lines="\n".join([*lines[:120], "New = A new one", "Plain"]))
    choices = configuration_of(version).features[0].choices
    assert (len(choices), choices[120:]) == (122, (("New", "A new one"), ("Plain", "Plain")))


def test_only_what_the_encoder_takes_can_be_let_in(as_ada: Client) -> None:
    version = make_version(features=(MANY, KNOWN_WORK))
    data = unchanged(as_ada, version)
    assert data["f0-takes_others"] == "on"
    del data["f0-takes_others"]
    as_ada.post(page_of(version), data | {"f1-takes_others": "on"})
    many, work = configuration_of(version).features
    assert (many.takes_others, work.takes_others) == (False, False)
    save(as_ada, version, f0_takes_others="on")
    assert configuration_of(version).features[0].takes_others


def test_a_text_may_have_a_limit_of_its_own(as_ada: Client) -> None:
    version = make_version(features=(FeatureSpec("note", "Note", Kind.STRING), AGE))
    assert "In characters. Empty: 10,000." in as_ada.get(page_of(version)).content.decode()
    save(as_ada, version, f0_max_length="500")
    assert configuration_of(version).features[0].max_length == 500
    assert version.revisions.get().changes == ["Note: Longest text the site's → 500"]
    assert save(as_ada, version, f0_max_length="0").status_code == 422


def test_what_no_step_uses_can_be_asked_for_all_the_same(as_ada: Client) -> None:
    version = make_version(features=(UNUSED, AGE))
    text = as_ada.get(page_of(version)).content.decode()
    assert "No step of the model looks at this column." in text
    assert text.count('<option value="unused"') == 1
    save(as_ada, version, f0_kind="string")
    assert configuration_of(version).features[0].kind is Kind.STRING
    assert save(as_ada, version, f1_kind="unused").status_code == 422


def test_more_than_two_hundred_inputs_are_shown_and_saved_in_parts(as_ada: Client) -> None:
    features = tuple(replace(AGE, name=f"age{n}", label=f"Age {n}") for n in range(250))
    version = make_version(features=features)
    text = as_ada.get(page_of(version)).content.decode()
    assert "Part 1 of 5." in text
    assert "f50-label" not in text
    third = f"{page_of(version)}?page=3"
    data = Posted(as_ada.get(third).content.decode()).data
    answer = as_ada.post(third, data | {"f120-unit": "a", "f120-place": "1"})
    assert (answer.status_code, answer["Location"]) == (302, third)
    saved = configuration_of(version)
    assert saved.features[120].unit == "a"
    assert saved.features[0].unit == "years"
    assert [one.name for one in saved.schema.in_form_order][:3] == ["age120", "age0", "age1"]
    assert version.revisions.get().changes[0] == "Age 120: Unit years → a"


def test_inputs_are_found_by_name_and_saved(as_ada: Client) -> None:
    features = tuple(replace(AGE, name=f"age{n}", label=f"Age {n}") for n in range(250))
    version = make_version(features=features)
    found = f"{page_of(version)}?wanted=age24"
    data = Posted(as_ada.get(found).content.decode()).data
    assert {key for key in data if key.endswith("-label") and key[0] == "f"} == {
        f"f{n}-label" for n in (24, *range(240, 250))
    }
    as_ada.post(found, data | {"f24-unit": "a"})
    assert configuration_of(version).features[24].unit == "a"


def test_a_rule_between_many_inputs_names_them(as_ada: Client) -> None:
    features = tuple(replace(AGE, name=f"age{n}", label=f"Age {n}") for n in range(250))
    version = make_version(features=features)
    save(as_ada, version, r0_first="age3", r0_kind="below", r0_second="Age 240")
    assert configuration_of(version).rules == (RuleSpec("age3", RuleKind.BELOW, "age240"),)
    assert Posted(as_ada.get(page_of(version)).content.decode()).data["r0-second"] == "age240"
    assert "Choose an input." in save(as_ada, version, r0_first="7").content.decode()


def calls_of_a_save(client: Client, count: int) -> tuple[int, int]:
    """Return how many functions run, and how many texts are compared, to save a page with ``count``
    choices."""
    compared = 0

    class Counted(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

        def strip(self, chars: str | None = None, /) -> "Counted":
            return Counted(str.strip(self, chars))

        def casefold(self) -> "Counted":
            return Counted(str.casefold(self))

    choices = tuple((f"Merchant {n}", f"Merchant {n}") for n in range(count))
    before = replace(MANY, choices=choices)
    after = replace(before, choices=tuple((Counted(v), Counted(f"No. {v}")) for v, _ in choices))
    version = make_version(features=(before,))
    data = unchanged(client, version) | {"f0-lines": "Merchant 1 = One", "f0-typical": "Merchant 2"}
    called = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal called
        called += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        assert client.post(page_of(version), data).status_code == 302
        assert spec_problems(after) == {}
        assert len(schema_changes(InputSchema((before,)), InputSchema((after,))).changed) == 1
        assert InputSchema((after,)).clean({"merchant": "Merchant 3"}).is_valid
        fitted_rows((after,), [{"merchant": f"Merchant {n}"} for n in range(50)], Profile({}))
    finally:
        sys.setprofile(None)
    return called, compared


def test_what_a_save_costs_grows_as_the_choices_do(as_ada: Client) -> None:
    calls_of_a_save(as_ada, 200)  # what is done once is done
    few_calls, few_compared = calls_of_a_save(as_ada, 500)
    many_calls, many_compared = calls_of_a_save(as_ada, 2000)
    assert many_calls < 5 * few_calls
    assert many_compared < 5 * few_compared + 100


def test_a_save_writes_the_inputs_that_changed(as_ada: Client) -> None:
    features = tuple(replace(AGE, name=f"age{n}", label=f"Age {n}") for n in range(200))
    version = make_version(features=features)
    data = unchanged(as_ada, version) | {"f7-unit": "a"}
    with CaptureQueriesContext(connection) as queries:
        as_ada.post(page_of(version), data)
    writes = [one["sql"] for one in queries if one["sql"].startswith("UPDATE")]
    writes = [sql for sql in writes if "models_registry_feature" in sql]
    assert len(writes) == 2
    assert all(sql.count("WHEN") == 1 for sql in writes)
