"""The page on which an admin says what a version's inputs and answers are."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from models_registry.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.input_rules import RuleKind, RuleSpec
from models_registry.models import InputRule, ModelVersion
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
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name, value = found.get("name") or "", found.get("value") or ""
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in found:
            self.data[self._select] = value
        elif tag == "option":
            self.data.setdefault(self._select, value)
        elif tag == "input" and name and name != "csrfmiddlewaretoken":
            if found.get("type") != "checkbox":
                self.data[name] = value
            elif "checked" in found:
                self.data[name] = "on"


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
    some = (*LOAN_FEATURES, KNOWN_WORK, OPEN, replace(AGE, name="x", step=0.5, default=20.5))
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
