"""`python -m bench [FILE]`: see README.md."""

import argparse
import os
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import report, stack

AT_ONCE = (8, 32)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the product.")
    name = f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.json"
    parser.add_argument("file", nargs="?", type=Path, default=stack.FOLDER / name)
    parser.add_argument("--pairs", type=int, default=5, help="with the stock worker (default 5)")
    parser.add_argument("--each", type=int, default=20, help="of ours in a pair (default 20)")
    parser.add_argument("--rounds", type=int, default=6, help="by each of those at once")
    arguments = parser.parse_args()
    with stack.running():
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        import django

        django.setup()
        series, samples = measure(arguments.pairs, arguments.each, arguments.rounds)
    ours, stock = series["ours, one at a time"], series["stock process worker"]
    faster = stock["row_p50_ms"] / ours["row_p50_ms"]
    facts = report.machine()
    print(
        f"\n{facts['cores']} cores, load {facts['load_average'][0]}, "
        f"Prefect {facts['prefect']}, scikit-learn {facts['scikit-learn']}\n"
    )
    print(report.table(series))
    print(f"\nTime to result, one at a time: {faster:.0f} times faster than the stock worker.")
    report.write(
        arguments.file,
        {"machine": facts, "times_faster": round(faster, 1), "series": series, "samples": samples},
    )
    print(f"Every sample: {arguments.file}")
    return int(any(told["failed"] for told in series.values()))


def measure(pairs: int, each: int, rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures and the samples of every series."""
    from django.conf import settings

    from bench import road, stock
    from executions.models import Execution
    from models_registry.models import ModelVersion

    def forest() -> ModelVersion | None:
        return ModelVersion.objects.active().filter(model__name=stack.MODEL).first()

    if forest() is None:
        stack.publish_forest()
    version = forest()
    assert version is not None
    session = road.sign_in("user@example.com", settings.DEMO_PASSWORD)
    people = [road.Person(session, version.model.slug) for _ in range(max(AT_ONCE))]
    watcher = road.Watcher()
    first = [road.one(people[0], watcher)]
    ours, baseline = [], []
    with stock.worker() as deployment:
        like = Execution.objects.get(pk=first[0].id)
        for pair in range(pairs):
            print(f"pair {pair + 1} of {pairs}", flush=True)
            ours += [road.one(people[0], watcher) for _ in range(each)]
            baseline.append(stock.one(deployment, version, like, watcher))
    samples = {"first of this session": first, "ours, one at a time": ours}
    samples["stock process worker"] = baseline
    series = {name: report.figures(taken) for name, taken in samples.items()}
    started = [s.row_ms - s.claimed_ms for s in baseline if s.row_ms and s.claimed_ms]
    if started:
        series["stock process worker"]["after_claim_p50_ms"] = round(statistics.median(started), 1)
    for count in AT_ONCE:
        name = f"ours, {count} at once"
        print(name, flush=True)
        samples[name], seconds = road.many(people[:count], watcher, count * rounds)
        series[name] = report.figures(samples[name]) | {
            "per_second": round(len(samples[name]) / seconds, 2)
        }
    return series, {name: [s.as_json() for s in taken] for name, taken in samples.items()}


if __name__ == "__main__":
    sys.exit(main())
