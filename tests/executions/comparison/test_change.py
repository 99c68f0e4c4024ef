"""What changed from the answer before."""

from typing import Any

from executions.comparison.change import Line, change
from executions.results.scale import Scale
from model_host.protocol.outputs import ClassProbability, Outputs, TargetOutput
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import Target
from tests.factories import LOAN_FEATURES, LOAN_INPUTS

SCHEMA = InputSchema(LOAN_FEATURES)
REPAYMENT = Target(label="Repayment", class_labels=[[0, "Repays"], [1, "Defaults"]])


def loan(value: int, repays: float) -> Outputs:
    shares = (ClassProbability(0, repays), ClassProbability(1, 1 - repays))
    confidence = shares[value].probability
    return Outputs("classification", (TargetOutput("", value, confidence, shares),))


def numbers(*values: float) -> Outputs:
    return Outputs("regression", tuple(TargetOutput(f"y{n}", one) for n, one in enumerate(values)))


def changed(was: Outputs, now: Outputs, *targets: Target, **inputs: Any) -> Any:
    return change(
        was,
        now,
        targets,
        inputs=LOAN_INPUTS | inputs,
        former_inputs=LOAN_INPUTS,
        schema=SCHEMA,
    )


def test_the_same_class_says_its_probability_before_and_now_in_points() -> None:
    found = changed(loan(0, 0.955), loan(0, 0.912), REPAYMENT, age=60.0)
    assert found.lines == (Line("", "95.5 → 91.2 %", "−4.3 points"),)
    assert found.ghost_percent == 95.5
    assert found.inputs == (("Age", "34 years", "60 years"),)


def test_another_class_says_what_the_answer_was_and_how_likely_the_new_one_was() -> None:
    found = changed(loan(0, 0.955), loan(1, 0.3), REPAYMENT)
    assert found.lines == (Line("Defaults", "4.5 → 70.0 %", "+65.5 points", "Repays (95.5 %)"),)
    assert round(found.ghost_percent, 1) == 4.5


def test_an_equal_answer_says_so() -> None:
    assert changed(loan(0, 0.955), loan(0, 0.955), REPAYMENT).lines == (Line("", "still 95.5 %"),)
    assert changed(numbers(5.0), numbers(5.0), Target(unit="€")).lines == (Line("", "still € 5"),)


def test_a_number_says_its_former_value_and_the_difference() -> None:
    found = changed(numbers(160.0), numbers(152.0), Target(unit="points"))
    assert found.lines == (Line("", "160 → 152 points", "−8 (−5 %)"),)
    assert found.ghost_percent is None


def test_a_former_number_has_its_place_in_the_scale_of_the_gauge() -> None:
    scale = Scale((0.0, 100.0, 200.0), "")
    for former, place in ((160.0, 80.0), (300.0, None)):
        found = change(
            numbers(former), numbers(152.0), [], inputs={}, former_inputs={}, schema=SCHEMA,
            scale=scale,
        )  # fmt: skip
        assert found.ghost_percent == place


def test_each_target_of_several_says_its_own_change() -> None:
    targets = Target(label="Height", unit="cm"), Target(label="Price", unit="€")
    found = changed(numbers(1.0, 2.0), numbers(1.0, 3.0), *targets)
    assert found.lines == (
        Line("Height", "still 1 cm"),
        Line("Price", "€ 2 → 3", "+1 (+50 %)"),
    )


def test_a_class_without_probabilities_says_what_it_was() -> None:
    was, now = (Outputs("classification", (TargetOutput("", value, None),)) for value in (0, 1))
    assert changed(was, now, REPAYMENT).lines == (Line("", "Defaults", "", "Repays"),)


def test_an_input_that_the_former_answer_did_not_have_is_not_compared() -> None:
    former = {name: value for name, value in LOAN_INPUTS.items() if name != "age"}
    found = change(
        loan(0, 0.9), loan(0, 0.9), [REPAYMENT],
        inputs=LOAN_INPUTS, former_inputs=former, schema=SCHEMA,
    )  # fmt: skip
    assert found.inputs == ()
