"""The rows of bench targets: "yes" only for a target that was reached, "" if nothing was
measured."""

import os
from typing import Any

from bench import memory, targets

WARM = [100.0, 110.0, 120.0]


def test_a_first_prediction_may_take_twice_as_long_as_a_warm_one() -> None:
    assert targets.first("a start", [220.0], WARM).is_reached
    assert not targets.first("a start", [221.0], WARM).is_reached


def test_a_first_prediction_that_never_came_is_not_reached() -> None:
    assert targets.first("a start", [float("inf")], WARM).is_reached is False


def test_a_throughput_with_a_failure_in_it_is_not_reached() -> None:
    told: dict[str, Any] = {"per_second": 12.0, "row_p95_ms": 900.0, "failed": 0}
    assert targets.throughput(8, 1.5, told).is_reached
    assert not targets.throughput(8, 1.5, told | {"failed": 1}).is_reached


def test_pages_are_judged_by_the_slowest_and_by_the_one_that_grew_most() -> None:
    few = {"history": [50.0] * 20, "failures": [90.0] * 20}
    assert targets.pages({"10": few, "1000": few}).is_reached
    grown = few | {"history": [80.0] * 20}
    row = targets.pages({"10": few, "1000": grown})
    assert (row.is_reached, row.figure) == (False, "90 ms (failures), 1.6 × (history)")


def test_a_table_says_how_to_measure_what_was_not() -> None:
    said = targets.table([targets.pages(None), targets.weight(None), targets.batch()])
    assert "python -m bench.pages" in said
    assert "yes" not in said
    assert "no\n" not in said


def test_pages_that_processes_share_are_counted_once() -> None:
    alone = memory.of({os.getpid()})
    assert alone.processes == 1
    assert 0 < alone.pss_mb <= alone.rss_mb
