from dataclasses import replace

from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.reference.reference_fit import (
    concealed,
    fitted_rows,
    outcomes,
    remarks,
    with_reference,
    without_reference,
)
from models_registry.reference.reference_profile import Profile, Reference, read_reference

AGE = FeatureSpec("age", "Age", Kind.FLOAT, sources={"kind": "StandardScaler"})
TOWN = FeatureSpec(
    "town",
    "Town",
    Kind.CHOICE,
    choices=(("Chur", "Chur"), ("Bern", "Bern")),
    typical="Chur",
    sources={"typical": "OneHotEncoder (first category)"},
)
HOME = FeatureSpec("home", "Home", Kind.BOOLEAN)
CSV = "age,town,home,price,note\n20,Bern,True,1.5,a\n30,Bern,false,2,b\n50,Genf,,3,c\n"


def reference(target: str = "price") -> Reference:
    return read_reference([CSV.encode()], target=target)


def profile() -> Profile:
    return reference().profile


def test_a_number_takes_a_soft_range_a_median_and_whole_numbers() -> None:
    (age,) = with_reference([AGE], profile())
    assert (age.soft_minimum, age.soft_maximum, age.typical) == (20, 50, 30)
    assert (age.kind, isinstance(age.typical, int)) == (Kind.INTEGER, True)
    assert (age.minimum, age.maximum) == (None, None)
    assert age.sources == {
        "kind": "reference data over StandardScaler",
        "soft_minimum": "reference data",
        "soft_maximum": "reference data",
        "typical": "reference data",
    }


def test_what_the_model_or_the_configuration_said_stays() -> None:
    told = replace(AGE, soft_minimum=18, soft_maximum=99, typical=42.5)
    told = replace(told, sources={"kind": "config", "typical": "config"})
    assert with_reference([told], profile()) == (told,)


def test_a_choice_takes_its_most_frequent_value_in_place_of_a_stand_in() -> None:
    (town,) = with_reference([TOWN], profile())
    assert town.typical == "Bern"
    assert town.sources["typical"] == "reference data over OneHotEncoder (first category)"


def test_a_value_that_occurs_once_is_not_typical() -> None:
    note = FeatureSpec("note", "Note", Kind.STRING)
    assert with_reference([note], profile()) == (note,)


def test_a_sensitive_input_leaves_no_single_value() -> None:
    secret = replace(TOWN, is_sensitive=True)
    (town,) = with_reference([secret], profile())
    assert town.typical == "Chur"
    assert concealed([secret], profile()).columns["town"].values == ()
    assert [row["town"] for row in fitted_rows([secret], reference().rows, profile())] == [None] * 3


def test_forgetting_leaves_the_inputs_as_they_were() -> None:
    plain = [AGE, TOWN, HOME]
    assert list(without_reference(with_reference(plain, profile()))) == plain


def test_other_data_replaces_what_the_first_said() -> None:
    other = read_reference([b"age\n1.5\n2.5\n"]).profile
    (age,) = with_reference(with_reference([AGE], profile()), other)
    assert (age.kind, age.soft_minimum, age.typical) == (Kind.FLOAT, 1.5, 2.0)


def test_rows_become_inputs_in_their_types_and_stay_so() -> None:
    features = with_reference([AGE, TOWN, HOME], profile())
    rows = fitted_rows(features, reference().rows, profile())
    assert rows[0] == {"age": 20, "town": "Bern", "home": True}
    assert rows[2] == {"age": 50, "town": None, "home": None}
    assert fitted_rows(features, rows, profile()) == rows


def test_outcomes_are_numbers_where_all_are() -> None:
    assert outcomes(reference().rows, profile()) == [1.5, 2.0, 3.0]
    assert outcomes(reference("town").rows, reference("town").profile) == ["Bern", "Bern", "Genf"]
    assert outcomes(reference("").rows, reference("").profile) == []


def test_what_does_not_fit_is_named() -> None:
    wage = FeatureSpec("wage", "Wage", Kind.FLOAT)
    note = FeatureSpec("note", "Note", Kind.FLOAT)
    said = " ".join(remarks([AGE, TOWN, wage, note], profile()))
    assert "no such inputs: home." in said
    assert "says nothing about: wage." in said
    assert "“note” is a number" in said
    assert "not choices of the model: Genf." in said
