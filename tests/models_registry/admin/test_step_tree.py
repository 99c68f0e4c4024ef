from typing import Any

from model_host.protocol.examination import Step
from models_registry.admin.step_tree import DEEPEST, StepNode, step_tree
from models_registry.training.training_config import read_stored


def step(path: str, *columns: str) -> Step:
    return Step(path, path.rpartition(".")[2].title(), columns)


def shape(nodes: list[StepNode]) -> list[Any]:
    return [(node.name, shape(node.children)) if node.children else node.name for node in nodes]


def test_steps_stand_inside_the_step_they_are_part_of() -> None:
    steps = [
        step("prepare", "a", "b"),
        step("prepare.numbers", "a"),
        step("prepare.numbers.scale", "a"),
        step("prepare.words", "b"),
        step("model", "a", "b"),
    ]
    assert shape(step_tree(steps, 2)) == [
        ("prepare", [("numbers", ["scale"]), "words"]),
        "model",
    ]


def test_a_step_whose_own_name_holds_a_point_keeps_it() -> None:
    assert shape(step_tree([step("v1.2"), step("v1.2.scale")], 1)) == [("v1.2", ["scale"])]


def test_steps_inside_one_another_end_somewhere() -> None:
    node = step_tree([step(".".join(["s"] * depth)) for depth in range(1, 151)], 1)[0]
    while len(node.children) == 1:
        node = node.children[0]
    assert node.depth == DEEPEST - 1
    assert [child.name for child in node.children][:2] == ["s", "s.s"]
    assert len(node.children) == 151 - DEEPEST
    assert not any(child.children for child in node.children)


def test_a_step_whose_parent_was_not_reported_stands_by_itself() -> None:
    assert shape(step_tree([step("lost.scale")], 1)) == ["lost.scale"]


def test_every_input_is_not_named_one_by_one() -> None:
    node, part = step_tree([step("model", "a", "b"), step("part", "a")], 2)
    assert (node.is_all, node.shown) == (True, ())
    assert (part.is_all, part.shown) == (False, ("a",))


def test_long_lists_of_columns_fold() -> None:
    (node,) = step_tree([step("scale", *(f"c{n}" for n in range(12)))], 13)
    assert (len(node.shown), len(node.folded)) == (8, 4)


def told_steps(preprocessing: object) -> list[tuple[str, str]]:
    told = read_stored({"preprocessing": preprocessing}).preprocessing
    return [(step.name, step.description) for step in told]


def test_the_configurations_own_steps_are_read_in_each_way_of_writing() -> None:
    told = told_steps(
        ["Drop duplicates", {"step": "Scale", "columns": ["a", "b"]}, {"name": "Encode"}, 5]
    )
    assert told == [
        ("Drop duplicates", ""),
        ("Scale", "columns: a, b"),
        ("Encode", ""),
        ("5", ""),
    ]
    assert told_steps(None) == told_steps("scale") == []
