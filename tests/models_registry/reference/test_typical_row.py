"""The typical row of reference data: values that occur together."""

from dataclasses import replace

from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, Scalar
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.reference.reference_fit import concealed, with_reference, without_reference
from models_registry.reference.reference_profile import Profile, Reference, read_reference


def choice(name: str, *values: str, **fields: object) -> FeatureSpec:
    spec = FeatureSpec(
        name,
        name.capitalize(),
        Kind.CHOICE,
        choices=tuple((value, value) for value in values),
        typical=values[0],
        sources={"typical": "OneHotEncoder (first category)"},
    )
    return replace(spec, **fields)  # type: ignore[arg-type]


KNOWN = choice("cabin_known", "no", "yes")
DECK = choice("deck", "C", "none")
AGE = FeatureSpec(
    "age", "Age", Kind.FLOAT, typical=29.7, sources={"typical": "StandardScaler (mean)"}
)
# Deck C is the most frequent deck, no the most frequent answer, and both never occur together.
CSV = "age,cabin_known,deck,name\n" + "40,yes,C,a\n" * 6 + "24,no,none,b\n" * 5 + "36,no,B,c\n" * 4


def reference(text: str = CSV) -> Reference:
    return read_reference([text.encode()])


def typical(
    *features: FeatureSpec,
    text: str = CSV,
    keeps_rows: bool = True,
    rules: tuple[RuleSpec, ...] = (),
) -> dict[str, Scalar]:
    data = reference(text)
    rows = data.rows if keeps_rows else ()
    filled = with_reference(features, data.profile, rows=rows, rules=rules)
    return {spec.name: spec.typical for spec in filled}


def test_the_typical_values_are_those_of_a_row_that_occurs() -> None:
    assert typical(AGE, KNOWN, DECK) == {"age": 24, "cabin_known": "no", "deck": "none"}


def test_without_rows_the_choices_still_occur_together() -> None:
    found = typical(AGE, KNOWN, DECK, keeps_rows=False)
    assert (found["cabin_known"], found["deck"]) == ("no", "none")


def test_a_row_replaces_the_means_of_the_file_and_says_so() -> None:
    (age,) = with_reference([AGE], reference().profile, rows=reference().rows)
    assert age.typical == 36
    assert age.sources["typical"] == "reference data over StandardScaler (mean)"


def test_what_was_said_stays_and_the_row_is_the_nearest_to_it() -> None:
    told = replace(KNOWN, typical="yes", sources={"typical": "admin"})
    fare = FeatureSpec("age", "Age", Kind.FLOAT)
    assert typical(fare, told, text="age,cabin_known\n9,no\n9,no\n9,no\n8,yes\n") == {
        "age": 8,
        "cabin_known": "yes",
    }


def test_a_row_that_breaks_a_rule_between_inputs_is_passed_over() -> None:
    low, high = (FeatureSpec(name, name, Kind.FLOAT) for name in ("low", "high"))
    text = "low,high\n5,5\n5,5\n5,9\n"
    rule = RuleSpec("low", RuleKind.BELOW, "high")
    assert typical(low, high, text=text, rules=(rule,)) == {"low": 5, "high": 9}


def test_a_row_with_a_value_that_the_model_does_not_know_is_passed_over() -> None:
    deck = choice("deck", "none", "G")
    assert typical(AGE, deck)["deck"] == "none"


def test_what_most_rows_lack_is_typically_missing_where_it_may_be() -> None:
    text = "deck,age\n" + ",30\n" * 6 + "C,30\n" * 3
    may = choice("deck", "C", "D", requirement=Requirement.MAY_BE_MISSING)
    assert typical(may, text=text) == {"deck": None}
    assert typical(may, text=text, keeps_rows=False) == {"deck": None}
    assert typical(choice("deck", "D", "C"), text=text) == {"deck": "C"}


def test_no_free_text_and_nothing_sensitive_comes_from_a_row() -> None:
    name = FeatureSpec("name", "Name", Kind.STRING)
    text = "name,deck\nAnn,C\nBea,C\n"
    secret = replace(DECK, is_sensitive=True, typical=None, sources={})
    assert typical(name, secret, text=text) == {"name": None, "deck": None}
    assert concealed([secret], reference(text).profile).combination == ()


def test_a_value_that_occurs_once_is_in_no_combination() -> None:
    assert reference("deck,town\nC,Bern\nC,Chur\n").profile.combination == (("deck", "C"),)


def test_a_profile_from_before_there_was_a_combination_reads_back_without_one() -> None:
    stored = reference().profile.to_json()
    del stored["combination"]
    assert Profile.from_json(stored).combination == ()


def test_forgetting_gives_back_what_the_file_told() -> None:
    filled = with_reference([AGE, DECK], reference().profile, rows=reference().rows)
    assert without_reference(filled, {"age": 29.7, "deck": "C"}) == (AGE, DECK)
