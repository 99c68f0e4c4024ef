import pytest

from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs, TargetOutput, Task
from models_registry.cases.case_check import Difference, differences, found_values, read_expected
from models_registry.inputs.number_text import NumberProblem

CLASSES = ((0, "Repays"), (1, "Defaults"))


def outputs(*values: Scalar, task: Task = "regression", text: str = "") -> Outputs:
    named = enumerate(values)
    return Outputs(task, tuple(TargetOutput(f"output {n}", one, text=text) for n, one in named))


def test_a_number_may_differ_by_the_tolerance_and_no_more() -> None:
    assert differences([100], outputs(100.5), 0.5) == ()
    assert differences([100], outputs(100.6), 0.5) == (Difference(0, 100, 100.6),)


def test_without_tolerance_a_number_is_equal_but_for_its_last_bits() -> None:
    assert differences([0.3], outputs(0.1 + 0.2), 0) == ()
    assert differences([0.3], outputs(0.3001), 0) != ()


def test_no_tolerance_makes_two_classes_one() -> None:
    assert differences([0], outputs(1, task="classification"), 5) == (Difference(0, 0, 1),)


def test_true_is_not_the_class_one() -> None:
    assert differences([1], outputs(True, task="classification"), 0) != ()


def test_each_of_several_targets_is_judged() -> None:
    assert differences([1, 2], outputs(1, 3), 0) == (Difference(1, 2, 3),)


def test_a_case_that_names_fewer_or_more_answers_than_the_model_gives_fails() -> None:
    assert differences([1], outputs(1, 2), 0) == (Difference(1, None, 2),)
    assert differences([1, 2], outputs(1), 0) == (Difference(1, 2, None),)


def test_an_answer_that_is_only_text_is_compared_as_text() -> None:
    assert found_values(outputs(None, text="[1 2]")) == ["[1 2]"]
    assert differences(["[1 2]"], outputs(None, text="[1 2]"), 0) == ()


@pytest.mark.parametrize("text", ["1", "Defaults", "defaults", " 1 "])
def test_a_class_is_read_by_label_or_value(text: str) -> None:
    assert read_expected(text, task="classification", classes=CLASSES) == 1


def test_a_class_that_the_model_does_not_have_is_refused_with_those_it_has() -> None:
    problem = read_expected("Maybe", task="classification", classes=CLASSES)
    assert isinstance(problem, NumberProblem)
    assert "Repays, Defaults" in problem.message


def test_a_number_is_read_as_forms_read_it() -> None:
    assert read_expected("1.234,5", task="regression", classes=()) == 1234.5
    assert read_expected("1,234", task="regression", classes=(), decimal_mark=",") == 1.234
    assert isinstance(read_expected("1,234", task="regression", classes=()), NumberProblem)
