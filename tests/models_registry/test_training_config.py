import pytest

from models_registry.config_merge import merge
from models_registry.errors import BadTrainingConfig
from models_registry.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.training_config import metrics, parse

AGE = FeatureSpec("age", "Age", Kind.FLOAT, sources={"kind": "StandardScaler"})
CITY = FeatureSpec("city", "City", Kind.CHOICE, choices=(("zh", "zh"), ("be", "be")))
UNKNOWN = FeatureSpec("code", "Code", Kind.FLOAT, is_complete=False)
CLASSES = TargetSpec("", class_labels=((0, "0"), (1, "1")))


def test_json_and_yaml_are_read_alike() -> None:
    assert parse('{"metrics": {"auc": 0.9}}') == parse("metrics:\n  auc: 0.9\n")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "- a\n- b",
        "a: [1, 2",
        "features: 5",
        "features: [{label: x}]",
        "x: .nan",
        "a: &x [1]\nb: *x",
        "[" * 500,
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_what_cannot_be_used_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadTrainingConfig):
        parse(text)


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
    assert metrics({"metrics": {"auc": 0.9, "note": "good"}}) == {"auc": 0.9}
