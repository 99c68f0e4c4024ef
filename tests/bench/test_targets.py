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
    said = targets.table([targets.pages(None), targets.weight(None), *targets.many_rows(None)])
    assert "python -m bench.pages" in said
    assert "yes" not in said
    assert "no\n" not in said


def many_rows(**measured: Any) -> dict[str, targets.Row]:
    told: dict[str, Any] = {
        "rows": 10_000,
        "many": 100_000,
        "road_seconds": [{"total": 2.0, "computing": 1.0}],
        "mlflow_seconds": [0.8],
        "many_computing_seconds": [10.0],
        "mlflow_many_seconds": [8.0],
        "calls_ms": {"form": [100.0], "API": [100.0]},
        "thousand_ms": [1000.0],
        "form_ms": {"idle": [100.0], "busy": [200.0]},
        "web_mb": {"upload": [200.0, 250.0], "running": [400.0], "download": [240.0]},
        "workers_seconds": {"one": [10.0], "two": [6.5]},
    }
    return {row.name: row for row in targets.many_rows(told | measured)}


def test_many_rows_that_just_reach_every_target_reach_it() -> None:
    assert [row.is_reached for row in many_rows().values()] == [True] * 9


def test_many_rows_name_the_target_that_they_miss() -> None:
    missed: dict[str, dict[str, Any]] = {
        "10,000 rows beside mlflow models serve": {"mlflow_seconds": [0.79]},
        "100,000 rows beside mlflow models serve": {"mlflow_many_seconds": [7.9]},
        "one API call beside the form": {"calls_ms": {"form": [100.0], "API": [101.0]}},
        "the form while 100,000 rows run": {"form_ms": {"idle": [100.0], "busy": [201.0]}},
        "memory of the web with 100,000 rows": {
            "web_mb": {"upload": [200.0, 210.0], "download": [251.0]}
        },
        "100,000 rows by two workers": {"workers_seconds": {"one": [10.0], "two": [6.6]}},
    }
    for name, measured in missed.items():
        assert [key for key, row in many_rows(**measured).items() if not row.is_reached] == [name]


def test_many_rows_say_how_to_measure_what_was_not() -> None:
    rows = many_rows(mlflow_seconds=[], mlflow_many_seconds=[], workers_seconds={})
    assert rows["10,000 rows beside mlflow models serve"].figure == "make peers installs MLflow"
    assert "--workers" in rows["100,000 rows by two workers"].figure
    assert {row.is_reached for row in rows.values()} == {True, None}


def test_pages_that_processes_share_are_counted_once() -> None:
    alone = memory.of({os.getpid()})
    assert alone.processes == 1
    assert 0 < alone.pss_mb <= alone.rss_mb


def processor(ours: list[float], prefects: list[float]) -> list[bool | None]:
    part = {"all": ours, "prefect": prefects, "MLflow": [10.0, 10.0, 10.0]}
    told = {"per_prediction_ms": {"1": part, "8": part}}
    return [row.is_reached for row in targets.processor(told)]


def test_processor_time_is_judged_by_the_median_of_the_pairs_beside_mlflow() -> None:
    assert processor([80.0, 79.0, 200.0], [35.0, 35.0, 35.0]) == [True, True, None]
    assert processor([81.0, 81.0, 70.0], [35.0, 35.0, 35.0]) == [False, False, None]


def test_without_mlflow_the_processor_time_is_not_judged() -> None:
    assert [row.is_reached for row in targets.processor(None)] == [None, None, None]


def test_two_cores_are_judged_by_the_median_of_the_turns() -> None:
    def row(two: list[float]) -> bool | None:
        return targets.cores({"per_second": {"one core": [5.0] * 3, "two cores": two}}).is_reached

    assert row([8.5, 8.5, 6.0])
    assert not row([8.4, 8.4, 9.0])
