"""A word that is a choice only because an imputer puts it for a missing value."""

from dataclasses import replace

from django.test import Client

from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_schema import InputSchema
from models_registry.reference.reference_fit import with_reference, without_reference
from models_registry.reference.reference_profile import read_reference
from tests.factories import make_version

PORT = FeatureSpec(
    "port",
    "Port",
    Kind.CHOICE,
    Requirement.MAY_BE_MISSING,
    choices=(("C", "C"), ("S", "S"), ("unknown", "unknown")),
    imputed="unknown",
    typical="unknown",
    sources={"imputed": "SimpleImputer (constant)", "typical": "OneHotEncoder (first category)"},
)


def schema(spec: FeatureSpec = PORT) -> InputSchema:
    return InputSchema((spec,))


def test_a_filler_is_not_offered_and_empty_is_called_not_known() -> None:
    assert PORT.offered == (("C", "C"), ("S", "S"))
    assert PORT.rule == "Expected one of: C, S"
    assert PORT.range_text == "Left empty counts as not known"
    assert schema().typical_values() == {"port": None}
    assert schema().clean({}).warnings == ("Port was left empty, which counts as not known.",)


def test_who_gives_the_word_is_not_refused() -> None:
    assert schema().clean({"port": "unknown"}).values == {"port": "unknown"}


def test_a_word_that_the_reference_data_holds_is_a_choice_like_any_other() -> None:
    profile = read_reference([b"port\nC\nunknown\nS\n"]).profile
    (port,) = with_reference([PORT], profile)
    assert port.filler is None
    assert port.offered == PORT.choices
    (bare,) = without_reference([port], {"port": "unknown"})
    assert bare == PORT


def test_reference_data_without_the_word_leaves_it_a_filler() -> None:
    (port,) = with_reference([PORT], read_reference([b"port\nC\nC\n\n"]).profile)
    assert port.filler == "unknown"


def test_the_most_frequent_value_of_an_imputer_stays_a_choice() -> None:
    port = replace(PORT, imputed="C", sources={"imputed": "SimpleImputer (most frequent)"})
    assert port.offered == PORT.choices
    assert "The model will use C" in port.range_text


def test_the_only_choice_is_offered_whatever_fills_gaps() -> None:
    assert replace(PORT, choices=(("unknown", "unknown"),)).filler is None


def test_the_form_shows_not_known_once_and_no_filler(as_alice: Client) -> None:
    version = make_version(features=(PORT,), is_active=True)
    page = as_alice.get(f"/models/{version.model.slug}/").content.decode()
    assert page.count("Not known") == 1
    assert 'value="unknown"' not in page
