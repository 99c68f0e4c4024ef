from typing import Any, get_type_hints

from model_host.protocol.codec import stored
from model_host.protocol.examination import Examination, Step
from models_registry.inspection_steps import (
    IN_ORDER,
    INPUTS,
    LOADS,
    TYPES,
    Examined,
    Report,
    StepSeen,
    StepTaken,
    steps_seen,
)
from tests.factories import make_report


def step(name: str, state: Any, **fields: Any) -> StepTaken:
    return StepTaken(name, state, **fields)


def test_steps_to_come_are_waiting_in_order() -> None:
    seen = steps_seen([], needs_approval=False, elapsed=None)
    assert [one.name for one in seen] == list(IN_ORDER)
    assert {one.state for one in seen} == {"waiting"}


def test_a_running_step_says_how_long_it_has_been_taking() -> None:
    done = [step("Received and hashed", "passed", seconds=1.5), step(LOADS, "running")]
    seen = steps_seen(done, needs_approval=False, elapsed=12.0)
    assert seen[1] == StepSeen(LOADS, "running", seconds=10.5)


def test_a_step_whose_worker_is_gone_waits_again() -> None:
    seen = steps_seen([step(LOADS, "running")], needs_approval=False, elapsed=None)
    assert seen[0].state == "waiting"


def test_after_a_refusal_nothing_waits_any_more() -> None:
    seen = steps_seen([step(LOADS, "failed", seconds=1)], needs_approval=False, elapsed=None)
    assert {one.state for one in seen[1:]} == {"not reached"}


def test_each_step_that_an_admin_can_finish_has_a_way_on() -> None:
    done = [step(TYPES, "failed"), step(INPUTS, "warning")]
    seen = steps_seen(done, needs_approval=True, elapsed=None)
    assert [(one.state, one.way_on) for one in seen[:2]] == [
        ("approval", "review"),
        ("warning", "inputs"),
    ]


def test_blocked_types_have_no_way_on() -> None:
    (refused, *_) = steps_seen([step(TYPES, "failed")], needs_approval=False, elapsed=None)
    assert (refused.state, refused.way_on) == ("failed", "")


def test_what_an_earlier_version_stored_reads_with_defaults() -> None:
    steps = [{"name": LOADS, "state": "running", "detail": "", "of another version": 1}]
    assert stored(tuple[StepTaken, ...], steps) == (StepTaken(LOADS),)
    assert stored(Report, {}) == Report()
    report = stored(Report, {"refused": ["acme.Bands"], "needs_approval": [["acme", "Bands"]]})
    assert report.needs_approval == (("acme", "Bands"),)


def test_a_stored_examination_is_read_as_its_facts() -> None:
    assert get_type_hints(Examined).items() <= get_type_hints(Examination).items()
    report = stored(Report, make_report(gives_interval=True, steps=(Step("scale", "Scaler"),)))
    assert report.examination == Examined(gives_interval=True, steps=(Step("scale", "Scaler"),))
