import json
import re
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

from models_registry.errors import BadTrainingConfig
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.inputs.input_schema import InputSchema
from models_registry.training.config_merge import merge
from models_registry.training.config_parser import parse
from models_registry.training.training_config import KNOWN, TrainingConfig, read, read_stored

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "static" / "examples"
AGE = FeatureSpec("age", "Age", Kind.FLOAT, sources={"name": "feature_names_in_"})
CITY = FeatureSpec("city", "City", Kind.CHOICE, choices=(("zh", "zh"), ("be", "be")))
CLASSES = TargetSpec("", class_labels=((0, "0"), (1, "1")))
LOAN = (
    AGE,
    FeatureSpec("income", "Income", Kind.FLOAT, Requirement.MAY_BE_MISSING),
    FeatureSpec(
        "employment",
        "Employment",
        Kind.CHOICE,
        choices=(("emp", "emp"), ("self", "self"), ("none", "none")),
    ),
    FeatureSpec("amount", "Amount", Kind.FLOAT),
    FeatureSpec("purpose_code", "Purpose code", Kind.FLOAT),
)


def parsed(text: str) -> TrainingConfig:
    return read(parse(text))


def disagreements(config: str, *features: FeatureSpec) -> list[str]:
    return list(merge(features or (AGE, CITY), [CLASSES], parsed(config)).disagreements)


def test_inputs_that_the_model_does_not_have_are_named() -> None:
    assert disagreements("features: [{name: age}, {name: wage}, {name: town}]") == [
        "The configuration names 2 inputs that the model does not have: wage, town.",
        "The configuration lists 3 features, the model takes 2. Not described: city.",
    ]


def test_another_order_is_said_and_the_models_holds() -> None:
    merged = merge([AGE, CITY], [], parsed("features: [{name: city}, {name: age}]"))
    assert [spec.name for spec in merged.features] == ["age", "city"]
    assert "another order" in merged.disagreements[0]


def test_another_type_or_category_is_said_and_the_models_holds() -> None:
    text = "features: [{name: age}, {name: city, type: float, choices: [zh, xx]}]"
    assert disagreements(text) == [
        "“city”: the configuration says number, the model takes one of its categories. "
        "The model's value is used.",
        "“city”: the model was not trained with xx. It is not offered in the form.",
    ]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ("[A, B, C]", "labels 3 classes, the model has 2: 0, 1."),
        ("{'0': A, '7': B}", "1 class that the model does not know: 7."),
    ],
)
def test_classes_that_the_model_does_not_have_are_named(labels: str, sentence: str) -> None:
    assert sentence in disagreements(f"target: {{labels: {labels}}}")[0]


def test_other_library_versions_are_said() -> None:
    config = parsed("libraries: {scikit-learn: 1.2.0, NumPy: 2.0.0}")
    merged = merge([AGE], [], config, {"scikit-learn": "1.5.0", "numpy": "2.0.0"})
    assert merged.disagreements == (
        "The configuration says scikit-learn 1.2.0, the file was saved with 1.5.0. "
        "The file's value is used.",
    )


def test_what_agrees_is_not_mentioned() -> None:
    text = "features: [{name: age, type: integer}, {name: city, choices: [zh]}]"
    assert disagreements(text) == []


def test_a_model_without_names_takes_those_of_the_configuration_in_its_order() -> None:
    nameless = [
        FeatureSpec(f"x{n}", f"X{n}", Kind.FLOAT, sources={"name": "position"}) for n in range(2)
    ]
    merged = merge(nameless, [], parsed("features: [{name: room_count, min: 1}, {name: area}]"))
    assert [(spec.name, spec.label) for spec in merged.features] == [
        ("room_count", "Room count"),
        ("area", "Area"),
    ]
    assert merged.features[0].minimum == 1
    assert merged.features[0].sources["name"] == "config"
    assert merged.disagreements == ()
    one = merge(nameless, [], parsed("features: [{name: area}]"))
    assert [spec.name for spec in one.features] == ["x0", "x1"]


def test_order_gives_places_in_the_form_and_the_rest_follows() -> None:
    config = parsed("features: [{name: amount, order: 1}, {name: age, order: 2}]")
    schema = InputSchema(merge(LOAN, [], config).features)
    assert [spec.name for spec in schema.in_form_order] == [
        "amount",
        "age",
        "income",
        "employment",
        "purpose_code",
    ]
    assert [spec.name for spec in schema.features] == [spec.name for spec in LOAN]


def test_rules_between_inputs_are_taken_over_and_strange_ones_named() -> None:
    config = parsed(
        "rules: [{first: amount, kind: at_most, second: income, message: Too much.},"
        " {first: age, kind: below, second: wage}]"
    )
    merged = merge(LOAN, [], config)
    assert merged.rules == (RuleSpec("amount", RuleKind.AT_MOST, "income", None, "Too much."),)
    assert merged.disagreements == ("A rule names 1 input that the model does not have: wage.",)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("features: [{name: a}, {name: b, min: ten}]", "features[1].min"),
        ("features: [{name: a, min: 3, max: 2}]", "features[0].min"),
        ("features: [{name: a, step: 0}]", "features[0].step"),
        ("features: [{name: a, type: real}]", "features[0].type"),
        ("features: [{name: a, sensitive: maybe}]", "features[0].sensitive"),
        ("features: [{name: a, choices: 5}]", "features[0].choices"),
        ("features: [{name: a, choices: [[1]]}]", "features[0].choices[0]"),
        ("features: [{name: a, default: [1]}]", "features[0].default"),
        ("features: [{name: a}, {name: a}]", "features[1].name"),
        ("features: [{label: a}]", "features[0]"),
        ("features: {a: 1}", "features"),
        ("rules: [{first: a, kind: over, second: b}]", "rules[0].kind"),
        ("rules: [{first: a, kind: below, second: a}]", "rules[0].second"),
        ("rules: [{first: a, kind: requires, second: b}]", "rules[0].value"),
        ("rules: [{first: a}]", "rules[0]"),
        ("target: price", "target"),
        ("target: {labels: 3}", "target.labels"),
        ("preprocessing: scale", "preprocessing"),
        ("metric_direction: [up]", "metric_direction"),
        ("notes: [a]", "notes"),
    ],
)
def test_an_error_names_its_place_and_a_way_out(text: str, place: str) -> None:
    with pytest.raises(BadTrainingConfig, match=re.escape(f"“{place}”")) as caught:
        parse(text)
    assert caught.value.message.count(".") >= 2


def test_more_rules_than_are_kept_are_refused() -> None:
    rule = "{first: a, kind: below, second: b}"
    with pytest.raises(BadTrainingConfig, match="at most 20 rules"):
        parse(f"rules: [{', '.join([rule] * 21)}]")


def test_keys_without_a_meaning_here_are_kept() -> None:
    config = parse("approved_by: Ada\nnotes: ' x '\nfeatures: [{name: a, owner: Bob}]")
    assert {key: config[key] for key in config.keys() - KNOWN} == {"approved_by": "Ada"}
    assert config["features"][0]["owner"] == "Bob"
    assert (read(config).notes.strip(), read(config).limitations) == ("x", "")


def test_the_example_is_one_and_the_same_in_yaml_in_json_and_in_the_documentation() -> None:
    as_yaml = (EXAMPLES / "training-configuration.yaml").read_text()
    as_json = (EXAMPLES / "training-configuration.json").read_text()
    documented = (ROOT / "docs" / "training-configuration.md").read_text()
    assert yaml.safe_load(as_yaml) == json.loads(as_json)
    assert f"```yaml\n{as_yaml}```" in documented
    assert f"```json\n{as_json}```" in documented


def test_the_example_applies_to_the_model_it_describes_without_a_disagreement() -> None:
    document = parse((EXAMPLES / "training-configuration.yaml").read_text())
    config = read(document)
    merged = merge(LOAN, [CLASSES], config)
    assert merged.disagreements == ()
    age, income, employment, amount, code = merged.features
    assert (age.kind, age.minimum, age.soft_maximum) == (Kind.INTEGER, 18, 79)
    assert (income.step, income.is_sensitive) == (100, True)
    assert employment.choices[1] == ("self", "Self-employed")
    assert (employment.default, employment.requirement) == ("emp", Requirement.OPTIONAL)
    assert (amount.group, amount.rank) == ("The loan", 3)
    assert "Not asked" in code.deprecation
    assert merged.targets[0].class_labels == ((0, "Repays"), (1, "Defaults"))
    assert len(merged.rules) == 1
    assert config.measured == {"auc": 0.874, "log_loss": 0.402}
    assert document.keys() - KNOWN == set()


def test_every_key_of_the_example_and_of_the_checks_is_documented() -> None:
    documented = (ROOT / "docs" / "training-configuration.md").read_text()
    config = yaml.safe_load((EXAMPLES / "training-configuration.yaml").read_text())
    keys = set(config) | {key for entry in config["features"] for key in entry}
    assert [key for key in sorted(keys) if f"`{key}`" not in documented] == []


def test_the_tables_of_the_documentation_are_current(capsys: pytest.CaptureFixture[str]) -> None:
    documented = (ROOT / "docs" / "training-configuration.md").read_text()
    call_command("training_reference")
    assert capsys.readouterr().out in documented, (
        "Run manage.py training_reference and put what it prints under “The keys”."
    )


def test_what_is_stored_and_would_be_refused_by_now_is_passed_over_on_pages() -> None:
    document = {"notes": "Old", "target": {"unit": "u" * 41}, "author": "Ada", "own": "kept"}
    told = read_stored(document)
    assert (told.notes, told.author, told.target.unit) == ("Old", "Ada", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "features: [{label: x}]",
            "“features[0]” in the training configuration must be a mapping with “name”. Add the "
            "name of the training column.",
        ),
        (
            "features: [{name: a, choices: [{value: 1, label: [x]}]}]",
            "“features[0].choices[0].label” in the training configuration must be a text. Write it "
            "in quotes on one line, or leave it out.",
        ),
        (
            "features: [{name: a, trained_min: 3, trained_max: 2.5}]",
            "“features[0].trained_min” in the training configuration must be at most trained_max. "
            "3 is above 2.5: swap them.",
        ),
        (
            "rules: [{first: a, kind: over, second: b}]",
            "“rules[0].kind” in the training configuration must be below, at_most or requires. Not "
            "“over”.",
        ),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_what_to_write(text: str, sentence: str) -> None:
    with pytest.raises(BadTrainingConfig) as caught:
        parse(text)
    assert caught.value.message == sentence
