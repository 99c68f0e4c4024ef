"""The fit of saved values to the inputs of today."""

from models_registry.inputs.input_schema import InputSchema
from presets.fitting import fit
from tests.factories import LOAN_FEATURES, LOAN_INPUTS

SCHEMA = InputSchema(LOAN_FEATURES)


def test_values_that_fit_are_all_there() -> None:
    fitting = fit(LOAN_INPUTS, SCHEMA)
    assert (fitting.values, fitting.problems, fitting.summary) == (LOAN_INPUTS, (), "4 values")


def test_an_input_that_is_gone_is_named() -> None:
    fitting = fit({"age": 30.0, "region": "north"}, SCHEMA)
    assert fitting.values == {"age": 30.0}
    assert fitting.problems == ("“region” no longer exists.",)
    assert fitting.summary == "1 of 2 values"


def test_a_value_above_the_limit_stays_out_and_says_why() -> None:
    fitting = fit({"age": 120.0}, SCHEMA)
    assert fitting.values == {}
    assert fitting.problems == ("Age: 120 is too high. Expected a value between 18 and 100 years.",)
