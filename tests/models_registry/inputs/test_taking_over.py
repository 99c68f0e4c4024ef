"""What a new version takes over of the inputs of an earlier one."""

from dataclasses import replace
from typing import Any

import pytest

from models_registry.inputs.configuration import ADMIN, Configuration
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.inputs.taking_over import TakenOver, take_over

NEW = FeatureSpec("title", "Title", Kind.FLOAT)
TARGET = TargetSpec("", "", class_labels=((0, "0"), (1, "1")))
NAMED = TargetSpec("", "Repayment", class_labels=((0, "Repays"), (1, "Defaults")))


def told(spec: FeatureSpec = NEW, source: str = ADMIN, **fields: Any) -> FeatureSpec:
    """The input as somebody set these fields."""
    return replace(spec, **fields, sources={**spec.sources, **dict.fromkeys(fields, source)})


def taken(
    new: FeatureSpec | Configuration, old: FeatureSpec | Configuration, **config: Any
) -> TakenOver:
    now, before = (
        one if isinstance(one, Configuration) else Configuration((one,)) for one in (new, old)
    )
    return take_over(now, before, number=1, **({"told": {}, "told_earlier": {}} | config))


def only(result: TakenOver) -> FeatureSpec:
    (spec,) = result.configuration.features
    return spec


@pytest.mark.parametrize(
    "fields",
    [
        {"label": "Form of address"},
        {"group": "Person"},
        {"help": "As on the ticket"},
        {"unit": "€"},
        {"minimum": 0, "maximum": 9},
        {"rank": 3},
        {"is_listed": True},
        {"is_sensitive": True},
        {"kind": Kind.INTEGER},
        {"default": 3.0, "requirement": Requirement.OPTIONAL},
        {"typical": 3.0},
    ],
)
def test_what_somebody_set_is_taken_over_and_says_from_where(fields: dict[str, Any]) -> None:
    spec = only(taken(NEW, told(**fields)))
    assert {name: getattr(spec, name) for name in fields} == fields
    assert {spec.sources[name] for name in fields} == {"from v1"}


def test_what_was_taken_over_twice_still_names_its_first_version() -> None:
    old = replace(NEW, label="Address", sources={"label": "from v0"})
    assert only(taken(NEW, old)).sources == {"label": "from v0"}


def test_what_the_earlier_file_told_is_not_taken_over() -> None:
    old = replace(NEW, label="Titel", typical=4.0, sources={"typical": "StandardScaler (mean)"})
    assert only(taken(NEW, old)) == NEW


def test_words_of_an_earlier_configuration_are_taken_where_the_new_has_none() -> None:
    old = told(source="config", label="Form of address")
    assert only(taken(NEW, old)).label == "Form of address"


def test_a_label_set_by_hand_wins_over_a_configuration_that_says_what_it_said_before() -> None:
    new = told(source="config", label="Title of person")
    same = {"title": {"label": "Title of person"}}
    result = taken(new, told(label="Address"), told=same, told_earlier=same)
    assert only(result).label == "Address"


def test_a_configuration_that_says_something_new_wins_and_that_is_said() -> None:
    new = told(source="config", label="Salutation")
    result = taken(new, told(label="Address"), told={"title": {"label": "Salutation"}})
    assert only(result).label == "Salutation"
    assert result.left == ("Salutation: the label of the new training configuration stays.",)


def test_limits_of_another_kind_of_value_are_left_and_the_words_are_taken() -> None:
    new = FeatureSpec("title", "Title", Kind.CHOICE, choices=(("a", "a"), ("b", "b")))
    result = taken(new, told(label="Address", minimum=3))
    assert (only(result).label, only(result).minimum) == ("Address", None)
    assert result.left == ("Title: the minimum was for a number; it is a choice now.",)


def test_a_limit_that_contradicts_the_new_file_is_left_with_its_reason() -> None:
    result = taken(replace(NEW, typical=3.0), told(label="Address", minimum=5))
    assert (only(result).label, only(result).minimum) == ("Address", None)
    assert result.left[0].startswith("Address: typical value not taken. 3 is too low.")


def test_labels_of_choices_go_to_the_categories_that_the_new_file_has() -> None:
    old = told(
        replace(NEW, kind=Kind.CHOICE), choices=(("mr", "Mister"), ("dr", "Doctor")), label="Title"
    )
    new = FeatureSpec("title", "Title", Kind.CHOICE, choices=(("mr", "mr"), ("mrs", "mrs")))
    assert only(taken(new, old)).choices == (("mr", "Mister"), ("mrs", "mrs"))


def test_an_input_that_refuses_other_values_goes_on_refusing_them() -> None:
    choice = replace(NEW, kind=Kind.CHOICE, choices=(("a", "a"),), takes_others=True)
    assert not only(taken(choice, told(choice, source="config", takes_others=False))).takes_others
    closed = replace(choice, takes_others=False)
    assert not only(taken(closed, told(choice, takes_others=True))).takes_others


def test_a_trained_range_is_taken_over_only_where_a_person_set_it() -> None:
    assert only(taken(NEW, told(soft_minimum=1, soft_maximum=9))).soft_maximum == 9
    assert only(taken(NEW, told(source="config", soft_minimum=1))).soft_minimum is None
    measured = replace(NEW, soft_minimum=2, sources={"soft_minimum": "reference data"})
    assert only(taken(measured, told(soft_minimum=1))).soft_minimum == 2


def test_an_input_that_a_person_completed_is_complete_again() -> None:
    new = FeatureSpec("title", "Title", Kind.STRING, is_complete=False)
    old = told(new, kind=Kind.CHOICE, choices=(("a", "A"),), is_complete=True)
    spec = only(taken(new, old))
    assert (spec.kind, spec.choices, spec.is_complete) == (Kind.CHOICE, (("a", "A"),), True)


def test_a_model_that_needs_a_value_keeps_needing_it() -> None:
    result = taken(NEW, told(requirement=Requirement.MAY_BE_MISSING))
    assert only(result).requirement is Requirement.REQUIRED
    assert result.left == ("Title: the new model does not answer without it, so it stays needed.",)


def test_an_input_that_is_gone_is_named_and_so_is_its_rule() -> None:
    other = FeatureSpec("age", "Age", Kind.FLOAT)
    rule = RuleSpec("title", RuleKind.BELOW, "age")
    result = taken(Configuration((NEW,)), Configuration((NEW, other), (), (rule,)))
    assert result.left == (
        "Age: v1 has this input, the new file has not.",
        "Rule “Title must be less than Age.”: one of its inputs is gone.",
    )


def test_rules_between_inputs_are_taken_once() -> None:
    other = FeatureSpec("age", "Age", Kind.FLOAT)
    rule = RuleSpec("title", RuleKind.BELOW, "age", message="Too much.")
    both = Configuration((NEW, other), (), (rule,))
    assert taken(Configuration((NEW, other)), both).configuration.rules == (rule,)
    assert taken(both, both).configuration.rules == (rule,)


def test_a_rule_on_an_input_of_another_kind_is_left() -> None:
    text = FeatureSpec("title", "Title", Kind.STRING)
    other = FeatureSpec("age", "Age", Kind.FLOAT)
    rule = RuleSpec("title", RuleKind.BELOW, "age")
    result = taken(Configuration((text, other)), Configuration((NEW, other), (), (rule,)))
    assert result.left == ("Rule “Title must be less than Age.”: Only numbers can be compared.",)


def test_two_inputs_never_get_the_same_label() -> None:
    other = FeatureSpec("name", "Address", Kind.STRING)
    old = Configuration((told(label="Address"), replace(other, label="Name")))
    result = taken(Configuration((NEW, other)), old)
    assert [one.label for one in result.configuration.features] == ["Title", "Address"]
    assert result.left == ("Title: another input is called Address.",)


def test_class_labels_label_and_unit_of_the_answer_are_taken_over() -> None:
    result = taken(Configuration((NEW,), (TARGET,)), Configuration((NEW,), (NAMED,)))
    assert result.configuration.targets == (NAMED,)


def test_a_configuration_that_names_classes_anew_wins() -> None:
    said = replace(TARGET, class_labels=((0, "Good"), (1, "1")))
    result = taken(
        Configuration((NEW,), (said,)), Configuration((NEW,), (NAMED,)), is_answer_told_anew=True
    )
    (target,) = result.configuration.targets
    assert (target.label, target.class_labels) == ("Repayment", ((0, "Good"), (1, "Defaults")))


def test_a_class_that_is_gone_and_another_kind_of_answer_are_named() -> None:
    one_class = replace(TARGET, class_labels=((0, "0"),))
    result = taken(Configuration((NEW,), (one_class,)), Configuration((NEW,), (NAMED,)))
    assert result.left == ("The answer: the new model has no class Defaults.",)
    number = taken(Configuration((NEW,), (TargetSpec("", ""),)), Configuration((NEW,), (NAMED,)))
    assert number.left == ("The answer: v1 answers with another kind of value.",)
