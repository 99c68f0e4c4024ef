import json
from typing import Any

import pytest
import yaml

from models_registry.errors import BadTrainingConfig
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.training import config_merge
from models_registry.training.config_merge import Merged
from models_registry.training.config_parser import parse
from models_registry.training.training_config import read

AGE = FeatureSpec("age", "Age", Kind.FLOAT, sources={"kind": "StandardScaler"})
CITY = FeatureSpec("city", "City", Kind.CHOICE, choices=(("zh", "zh"), ("be", "be")))
UNKNOWN = FeatureSpec("code", "Code", Kind.FLOAT, is_complete=False)
CLASSES = TargetSpec("", class_labels=((0, "0"), (1, "1")))


def merge(features: list[FeatureSpec], targets: list[TargetSpec], config: dict[str, Any]) -> Merged:
    return config_merge.merge(features, targets, read(config))


def test_json_and_yaml_are_read_alike() -> None:
    assert parse('{"metrics": {"auc": 0.9}}') == parse("metrics:\n  auc: 0.9\n")


REFUSED = [
    ("{", "is not valid JSON or YAML near line 1"),
    ("a: [1, 2", "is not valid JSON or YAML near line 1"),
    ("- a\n- b", "must be a mapping"),
    ("features: 5", "“features” in the training configuration must be a list"),
    ("features: [{label: x}]", "“features[0]”"),
    ("x: .nan", "not finite"),
    ("x: 1.0e+999", "not finite"),
    ('{"x": 1e999}', "too large: “1e999”"),
    ('{"x": NaN}', "NaN"),
    ("x: " + "9" * 5000, "too large"),
    ("x: 1" + ":59" * 300_000, "too large"),
    ("x: 1" + ":59" * 300_000 + ".5", "too large"),
    ("a: &x [1]\nb: *x", "aliases"),
    ("a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]", "aliases"),
    ("a:\n  <<: {x: 1}\n  y: 2", "<<"),
    ("[" * 400_000, "nested too deeply"),
    ("x: " + "[" * 400_000, "nested too deeply"),
    ("- " * 300_000, "nested too deeply"),
    ("? " * 300_000, "nested too deeply"),
    ("".join(" " * n + "a:\n" for n in range(1300)), "nested too deeply"),
    ('{"x": [' + "1," * 500_000 + "1]}", "too many values"),
    ("x: [" + "1," * 500_000 + "1]", "too many values"),
    ("x:\n" + "- 1\n" * 200_000, "too many values"),
    ("!!python/object/apply:os.system ['true']", "YAML tag"),
    ("x: !!set {a}", "YAML tag"),
    ("x: !!binary aGVsbG8=", "YAML tag"),
    ('{"a": 1, "a": 2}', "the key “a” twice"),
    ("a: 1\nb:\n  min: 1\n  min: 2", "the key “min” twice in one mapping that begins near line 3"),
    ("x:\n  1: a\n  '1': b", "the key “1” twice"),
    ("x:\n  1: a\n  true: b", "two keys that mean the same"),
    ("? [a]\n: b", "a key that is not text"),
    ('{"notes": "\\u0000"}', "“notes” holds a character that cannot be stored (U+0000)"),
    ('{"notes": "\\ud800"}', "“notes” holds a character that cannot be stored (U+D800)"),
    ('notes: "\\0"', "“notes” holds a character that cannot be stored (U+0000)"),
    ("notes: \x00", "holds a character that cannot be stored (U+0000)"),
    ("notes: \x1b[31m", "holds a character that cannot be stored (U+001B)"),
    ('notes: "\\ud800"', "is not valid JSON or YAML"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED, ids=[text[:20] for text, _ in REFUSED])
def test_what_cannot_be_used_is_refused_in_words(text: str, sentence: str) -> None:
    with pytest.raises(BadTrainingConfig) as refusal:
        parse(text)
    assert sentence in refusal.value.message
    assert len(refusal.value.message) < 400


LONG = [
    ({"features": [{"name": "n" * 301}]}, "features[0].name", "at most 300 characters. It has 301"),
    ({"features": [{"name": "a", "label": "l" * 201}]}, "features[0].label", "at most 200"),
    ({"features": [{"name": "a", "unit": "u" * 41}]}, "features[0].unit", "at most 40"),
    ({"features": [{"name": "a", "group": "g" * 81}]}, "features[0].group", "at most 80"),
    ({"features": [{"name": "a", "description": "d" * 301}]}, "description", "at most 300"),
    ({"features": [{"name": "a", "deprecated": "d" * 201}]}, "deprecated", "at most 200"),
    ({"features": [{"name": "a", "default": "d" * 1001}]}, "default", "at most 1,000"),
    ({"features": [{"name": "a", "max_length": 1_000_001}]}, "max_length", "to 1,000,000"),
    ({"features": [{"name": "a", "choices": ["c" * 201]}]}, "choices[0]", "at most 200"),
    ({"features": [{"name": "a", "choices": {"x": "c" * 201}}]}, "choices.x", "at most 200"),
    ({"features": [{"name": "a", "choices": {"c" * 201: "x"}}]}, "choices", "at most 200"),
    ({"features": [{"name": "a", "choices": list(range(20_001))}]}, "choices", "20,001 values"),
    (
        {"features": [{"name": f"f{n}", "choices": list(range(13_400))} for n in range(3)]},
        "features",
        "40,200 choices together",
    ),
    (
        {"features": [{"name": "a", "choices": [{"value": 1, "label": "c" * 201}]}]},
        "choices[0].label",
        "at most 200",
    ),
    ({"target": {"name": "n" * 201}}, "target.name", "at most 200"),
    ({"target": {"unit": "n" * 41}}, "target.unit", "at most 40"),
    ({"target": {"labels": ["n" * 201]}}, "target.labels[0]", "at most 200"),
    ({"target": {"labels": list(range(1001))}}, "target.labels", "1,001 values"),
    ({"rules": [{"first": "a", "kind": "below", "second": "b", "message": "m" * 301}]},
     "rules[0].message", "at most 300"),
    ({"metrics": {"m" * 101: 1}}, "metrics", "at most 100"),
    ({"metrics": {f"m{n}": n for n in range(201)}}, "metrics", "201 entries"),
    ({"libraries": {"numpy": "1" * 101}}, "libraries.numpy", "at most 100"),
    ({"metric_direction": {"auc": "h" * 101}}, "metric_direction.auc", "at most 100"),
    ({"metric_direction": "h" * 101}, "metric_direction", "at most 100"),
    ({"data": {"rows": "r" * 5001}}, "data", "at most 5,000"),
    ({"preprocessing": ["s"] * 201}, "preprocessing", "201 steps"),
    ({"preprocessing": [{"step": "s" * 3000, "how": "s" * 3000}]}, "preprocessing[0]", "5,000"),
    ({"author": "a" * 201}, "author", "at most 200"),
    ({"notes": "a" * 5001}, "notes", "at most 5,000"),
    ({"intended_use": "a" * 5001}, "intended_use", "at most 5,000"),
    ({"own": "a" * 5001}, "own", "at most 5,000"),
    ({f"own{n}": n for n in range(201)}, "", "201 keys without a meaning"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "place", "limit"), LONG, ids=[place for _, place, _ in LONG])
def test_what_is_too_long_is_named_with_its_limit(
    config: dict[str, Any], place: str, limit: str
) -> None:
    for text in (json.dumps(config), yaml.safe_dump(config)):
        with pytest.raises(BadTrainingConfig) as refusal:
            parse(text)
        assert place in refusal.value.message
        assert limit in refusal.value.message


def test_yaml_is_read_by_the_loader_in_c_and_no_further_than_the_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = 0
    parse_events = yaml.parse

    def counted(text: str, Loader: Any) -> Any:
        nonlocal read
        assert issubclass(Loader, yaml.CSafeLoader)
        for event in parse_events(text, Loader=Loader):
            read += 1
            yield event

    monkeypatch.setattr("yaml.parse", counted)
    monkeypatch.setattr("yaml.load", None)
    for text, most in (("x: " + "[" * 400_000, 30), ("x:\n" + "- 1\n" * 200_000, 100_100)):
        read = 0
        with pytest.raises(BadTrainingConfig):
            parse(text)
        assert 0 < read < most


def test_json_is_not_read_as_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yaml.parse", None)
    entry = {"label": "Column", "min": 0, "max": 10, "choices": ["a", "b"]}
    config = {"features": [{"name": f"c{number}", **entry} for number in range(1000)]}
    assert parse(json.dumps(config)) == config


def test_yaml_in_braces_is_still_yaml() -> None:
    assert parse("{author: Ada, rows: [1, 2,]}") == {"author": "Ada", "rows": [1, 2]}


def test_days_and_other_keys_become_text() -> None:
    text = "from: 2024-01-02\n2024-01-03: x\nyes: 1\n5: y"
    assert parse(text) == {"from": "2024-01-02", "2024-01-03": "x", "true": 1, "5": "y"}


def test_a_configuration_over_one_megabyte_is_refused() -> None:
    with pytest.raises(BadTrainingConfig, match="1 MB"):
        parse("x: " + "a" * 1024 * 1024)


def test_unknown_keys_are_kept() -> None:
    assert parse("approved_by: Ada") == {"approved_by": "Ada"}


def test_the_configuration_wins_for_labels_units_and_help() -> None:
    config = {"features": [{"name": "age", "label": "Years", "unit": "a", "description": "Full"}]}
    (feature,) = merge([AGE], [], config).features
    assert (feature.label, feature.unit, feature.help) == ("Years", "a", "Full")
    assert feature.sources["label"] == "config"
    assert feature.sources["kind"] == "StandardScaler"


def test_the_object_wins_for_categories_and_the_configuration_names_them() -> None:
    config = {"features": [{"name": "city", "choices": {"zh": "Zürich", "xx": "Nowhere"}}]}
    (feature,) = merge([CITY], [], config).features
    assert feature.choices == (("zh", "Zürich"), ("be", "be"))


def test_only_the_configuration_makes_a_number_whole() -> None:
    (feature,) = merge([AGE], [], {"features": [{"name": "age", "type": "integer"}]}).features
    assert feature.kind is Kind.INTEGER


def test_a_configuration_cannot_turn_categories_into_a_number() -> None:
    (feature,) = merge([CITY], [], {"features": [{"name": "city", "type": "float"}]}).features
    assert feature.kind is Kind.CHOICE


def test_what_the_object_left_open_the_configuration_completes() -> None:
    config = {"features": [{"name": "code", "type": "choice", "choices": ["a", "b"]}]}
    (feature,) = merge([UNKNOWN], [], config).features
    assert feature.is_complete
    assert feature.choices == (("a", "a"), ("b", "b"))


def test_a_default_makes_a_required_input_optional() -> None:
    (feature,) = merge([AGE], [], {"features": [{"name": "age", "default": 0}]}).features
    assert (feature.requirement, feature.default) == (Requirement.OPTIONAL, 0)


def test_a_limit_of_zero_is_a_limit() -> None:
    (feature,) = merge([AGE], [], {"features": [{"name": "age", "min": 0, "max": 0}]}).features
    assert (feature.minimum, feature.maximum) == (0, 0)


def test_names_that_the_object_does_not_have_change_nothing() -> None:
    merged = merge([AGE], [], {"features": [{"name": "wage", "label": "Wage"}]})
    assert merged.features == (AGE,)


@pytest.mark.parametrize(
    "labels",
    [
        {"0": "Repays", "1": "Defaults"},
        ["Repays", "Defaults"],
        [{"value": 0, "label": "Repays"}, {"value": 1, "label": "Defaults"}],
    ],
)
def test_class_labels_are_taken_in_each_way_of_writing(labels: object) -> None:
    (target,) = merge([], [CLASSES], {"target": {"labels": labels}}).targets
    assert target.class_labels == ((0, "Repays"), (1, "Defaults"))


def test_metrics_are_finite_numbers_by_name() -> None:
    assert read({"metrics": {"auc": 0.9, "note": "good"}}).measured == {"auc": 0.9}
