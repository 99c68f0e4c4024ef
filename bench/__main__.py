"""`python -m bench [FILE] [--all]`: see README.md."""

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import memory, report, stack, targets
from bench.prediction import start
from bench.prediction.round_trip import Sample
from bench.prediction.start import Start
from config.stack.supervision import record

AT_ONCE = {8: 1.5, 32: 5.0}
"""The number of people, and the seconds within which 95 of 100 of their results must be
finished."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the product.")
    name = f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.json"
    parser.add_argument("file", nargs="?", type=Path, default=stack.FOLDER / name)
    parser.add_argument("--pairs", type=int, default=5, help="with the stock worker (default 5)")
    parser.add_argument("--each", type=int, default=20, help="of ours in a pair (default 20)")
    parser.add_argument("--rounds", type=int, default=6, help="by each of those at once")
    parser.add_argument("--starts", type=int, default=3, help="of the whole stack (default 3)")
    parser.add_argument("--promotions", type=int, default=5, help="each of a new file (default 5)")
    parser.add_argument("--people", type=int, default=40, help="who use the site (default 40)")
    parser.add_argument("--seconds", type=int, default=60, help="for how long (default 60)")
    parser.add_argument("--all", action="store_true", help="full tables and slow networks, too")
    asked = parser.parse_args()
    before = os.getloadavg()[0]
    with stack.running():
        told, series, rows = measure(asked)
    found: dict[str, Any] = {}
    if asked.all:
        found = {part: separately(part) for part in ("pages", "weight", "history")}
        found["batch"] = separately("batch", "--workers")
        rows.append(
            targets.scrape(
                "first with 1,000,000", list(found["pages"]["scrapes_ms"].values())[-1][:1]
            )
        )
    rows += [
        *targets.many_rows(found["batch"] if found else None),
        targets.pages(found["pages"]["milliseconds"] if found else None),
        targets.weight(found["weight"]["pages"] if found else None),
    ]
    facts = report.machine()
    load = f"{before:.1f} before and {facts['load_average'][0]:.1f} after"
    print(
        f"\n{facts['cores']} cores, load {load}, "
        f"Prefect {facts['prefect']}, scikit-learn {facts['scikit-learn']}\n"
    )
    print(f"{report.table(series)}\n\n{targets.table(rows)}\n")
    told |= {"machine": facts | {"load_before": round(before, 2)}}
    told |= {"targets": [row.as_json() for row in rows], "series": series}
    report.write(asked.file, told | found)
    print(f"Every sample: {asked.file}")
    failed = any(one["failed"] for one in series.values())
    return int(failed or not told["people"]["sums"]["is_whole"])


def measure(
    asked: argparse.Namespace,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], list[targets.Row]]:
    """Return all measurements, the figures of every series of predictions, and the rows."""
    if not stack.has_forest():
        stack.publish_forest()
    drafts = [
        stack.publish_forest(seed=time.time_ns() % 2**32, is_live=False)
        for _ in range(asked.promotions)
    ]
    starts = [start.again() for _ in range(asked.starts)]
    stack.set_up()
    samples, seconds = predictions(asked, drafts, starts)
    series = {name: report.figures(taken) for name, taken in samples.items()}
    for name, taken in seconds.items():
        series[name]["per_second"] = round(len(samples[name]) / taken, 2)
    after = held()
    people = used_by_people(asked)
    processor, cores = separately("processor"), separately("cores")
    kept = {
        "idle after ready": starts[-1].memory[""],
        "after the load": max(after, held(), key=lambda one: one.pss_mb),
    }
    rows = [
        *targets.time_to_result(series["ours, one at a time"], series["stock process worker"]),
        *(targets.throughput(n, most, series[at_once(n)]) for n, most in AT_ONCE.items()),
        targets.first(
            "a promotion",
            row_ms(samples["first after a promotion"]),
            row_ms(samples["warm, between promotions"]),
        ),
        targets.first(
            "make run says ready",
            row_ms(samples["first after a start"]),
            row_ms(samples["warm, after a start"]),
        ),
        targets.told_by_start([one.told_ms for one in starts]),
        targets.ready([one.ready_seconds for one in starts]),
        *(targets.resident(name, one.pss_mb, one.rss_mb) for name, one in kept.items()),
        targets.scrape("first after a start", [one.scrapes_ms[0] for one in starts]),
        targets.people(people),
        *targets.processor(processor),
        targets.cores(cores),
    ]
    told = {
        "starts": [one.as_json() for one in starts],
        "memory": {name: one.as_json() for name, one in kept.items()},
        "people": people,
        "processor": processor,
        "cores": cores,
        "samples": {name: [one.as_json() for one in taken] for name, taken in samples.items()},
    }
    return told, series, rows


def predictions(
    asked: argparse.Namespace, drafts: list[str], starts: list[Start]
) -> tuple[dict[str, list[Sample]], dict[str, float]]:
    """Return the samples of every series, and how many seconds those took that were many at
    once."""
    from django.conf import settings

    from bench.prediction import promotion, round_trip, stock
    from executions.models import Execution
    from models_registry.models import ModelVersion

    version = ModelVersion.objects.active().get(model__name=stack.MODEL)
    session = round_trip.sign_in("user@example.com", settings.DEMO_PASSWORD)
    people = [round_trip.Person(session, version.model.slug) for _ in range(max(AT_ONCE))]
    watcher = round_trip.Watcher()
    ours, baseline, seconds = [], [], {}
    like = Execution.objects.get(pk=round_trip.one(people[0], watcher).id)
    with stock.worker() as deployment:
        for pair in range(asked.pairs):
            print(f"pair {pair + 1} of {asked.pairs}", flush=True)
            ours += [round_trip.one(people[0], watcher) for _ in range(asked.each)]
            baseline.append(stock.one(deployment, version, like, watcher))
    samples = {
        "first after a start": [one.first for one in starts],
        "warm, after a start": [sample for one in starts for sample in one.warm],
        "ours, one at a time": ours,
        "stock process worker": baseline,
    }
    for count in AT_ONCE:
        name = at_once(count)
        print(name, flush=True)
        samples[name], seconds[name] = round_trip.many(
            people[:count], watcher, count * asked.rounds
        )
    print("promotions", flush=True)
    first, warm = promotion.measure(drafts, watcher)
    samples |= {"first after a promotion": first, "warm, between promotions": warm}
    return samples, seconds


def at_once(count: int) -> str:
    return f"ours, {count} at once"


def row_ms(samples: list[Sample]) -> list[float]:
    """Return the times to the result; infinity for a failed row."""
    return [float("inf") if sample.row_ms is None else sample.row_ms for sample in samples]


def held() -> memory.Memory:
    """Return the memory of the whole stack now."""
    running = record.read(stack.STACK)
    assert running is not None, "a stack that runs has a record"
    return memory.of_stack(running)[""]


def used_by_people(asked: argparse.Namespace) -> dict[str, Any]:
    """Run `bench.people` on the running stack and return its report."""
    file = stack.FOLDER / "people.json"
    numbers = ["--people", str(asked.people), "--seconds", str(asked.seconds)]
    return told_by("people", file, numbers)


def separately(part: str, *options: str) -> dict[str, Any]:
    """Run a measurement of its own, on the stack that runs or on others; return its report."""
    return told_by(part, stack.FOLDER / f"{part}.json", [*options])


def told_by(part: str, file: Path, numbers: list[str]) -> dict[str, Any]:
    """Run `bench.<part>` in a process of its own; its JSON file. What it did not reach is in it."""
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"bench.{part}", *numbers]
    print("$", *command[1:], flush=True)
    done = subprocess.run(command, cwd=stack.REPOSITORY)
    if not file.exists():
        raise RuntimeError(f"bench.{part} ended with code {done.returncode} and told nothing")
    told: dict[str, Any] = json.loads(file.read_text())
    return told


if __name__ == "__main__":
    sys.exit(main())
