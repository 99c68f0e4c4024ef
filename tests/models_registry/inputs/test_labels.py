"""Generated labels: distinguishable, and readable back as the values they stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_host.protocol.inputs import Scalar
from models_registry.inputs.choices import Choices
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.inputs.labels import choice_label, distinct_choices, readable, visible
from models_registry.inputs.spec_check import spec_problems
from models_registry.training.config_merge import merge
from models_registry.training.config_parser import parse
from models_registry.training.training_config import read


def inputs(*names: str, config: str = "") -> list[str]:
    specs = [FeatureSpec(name, readable(name), Kind.FLOAT) for name in names]
    return [spec.label for spec in merge(specs, [], read(parse(config))).features]


def test_inputs_that_would_be_called_alike_keep_their_column_beside_the_label() -> None:
    assert inputs("age", "Age", "income") == ["Age (age)", "Age (Age)", "Income"]
    assert inputs("total_charges", "Total Charges") == ["Total charges", "Total Charges"]
    assert len(set(inputs("a", "a ", " a", "A", "a\u200b", "_a"))) == 6


def test_a_label_of_the_configuration_stays_and_the_others_give_way() -> None:
    config = "features: [{name: y, label: Age}]"
    assert inputs("age", "y", config=config) == ["Age (age)", "Age"]


@pytest.mark.parametrize(
    "values",
    [
        ("Snapdragon", "snapdragon"),
        ("Z\xfcrich", "Zu\u0308rich"),
        ("A", "A ", " A", "A  "),
        ("", " ", "  ", "\t", "\n", "(empty)", "(1 space)"),
        ("NX", "N\u200bX", "N\u202eX"),
        ("a\nb", "a\\nb", "a b"),
        ("x" * 300 + "a", "x" * 300 + "b"),
        (1234567.0, 1234568.0, 1e22),
    ],
    ids=str,
)
def test_choices_are_called_so_that_their_page_can_be_saved(values: tuple[Scalar, ...]) -> None:
    choices = distinct_choices([(value, choice_label(value)) for value in values])
    spec = FeatureSpec("x", "X", Kind.CHOICE, choices=choices)
    assert spec_problems(spec) == {}
    assert all(label.strip() and label.isprintable() for _, label in choices)


def test_labels_of_a_configuration_that_are_alike_or_another_value_are_told_apart() -> None:
    spec = FeatureSpec("x", "X", Kind.CHOICE, choices=(("a", "a"), ("b", "b"), ("c", "c")))
    config = read(parse("features: [{name: x, choices: {a: Rent, b: Rent, c: a}}]"))
    labels = [label for _, label in merge([spec], [], config).features[0].choices]
    assert labels == ["Rent (a)", "Rent (b)", "a (c)"]


@given(st.lists(st.text(max_size=4), min_size=1, max_size=8, unique=True))
def test_what_a_form_carries_or_shows_for_a_choice_reads_back_as_that_choice(
    values: list[str],
) -> None:
    pairs = distinct_choices([(value, choice_label(value)) for value in values])
    known = Choices(pairs)
    for value, label in pairs:
        assert known.written(known.carried(value)) == value
        assert known.written(known.shown(value)) == value
        assert known.written(label) == value
        assert known.carried(value).strip()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("I\x92ll", "I\\x92ll"),
        ("a\x0cb\u202ec", "a\\x0cb\\u202ec"),
        ("two\nlines\t", "two\nlines\t"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("שלום\u200f \ufffd", "שלום\u200f \ufffd"),
    ],
)
def test_what_would_not_be_seen_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
