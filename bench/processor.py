"""`python -m bench.processor [FILE]`: the processor time of a prediction, part by part.

On the stack of `bench.stack`, with its forest of 100 trees on iris, in pairs that alternate with
MLflow's scorer serving the same forest, one at a time and 8 at once: forms are sent, and each part
of the stack is charged with what the kernel counts for its processes until the last prediction is
finished and explained. What the idle stack takes is measured, too, and not taken off.

MLflow needs libraries of its own: it is that of `make peers`, or of ``--peers FOLDER``.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench import memory, mlflow, report, stack, targets
from bench.prediction import round_trip
from config.stack.supervision import record

AT_ONCE = (1, 8)
IDLE_SECONDS = 10.0
SETTLE_SECONDS = 1.5
"""Until the last lines of a series have reached Prefect."""
LOOK_SECONDS = 0.02
HOST = "model host"
TOTAL, SCORER = "all", "MLflow"
Series = dict[str, list[float]]
"""Milliseconds of processor time per prediction, by part, one for each pair."""


def processor_seconds(pids: set[int]) -> float:
    """Return the processor time of these processes and of those children of theirs that ended."""
    told = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        told += times.user + times.system + times.children_user + times.children_system
    return told


def parts() -> dict[str, set[int]]:
    """Return the processes of each part of the stack; those of the worker's model host apart."""
    running = record.read(stack.STACK)
    assert running is not None, "a stack that runs has a record"
    found = {
        name: memory.family(process.identity.pid) for name, process in running.processes.items()
    }
    worker = {running.processes["worker"].identity.pid}
    return found | {"worker": worker, HOST: found["worker"] - worker}


def spent() -> dict[str, float]:
    return {name: processor_seconds(pids) for name, pids in parts().items()}


def since(before: Mapping[str, float], count: float) -> dict[str, float]:
    """Return what each part spent since then, in milliseconds for each of ``count``."""
    told = {name: 1000 * (now - before.get(name, 0.0)) / count for name, now in spent().items()}
    return told | {TOTAL: sum(told.values())}


class Asker:
    """People who send the form of one model, and wait for the answer; one person alone, for its
    explanation, too."""

    def __init__(self, slug: str) -> None:
        from django.conf import settings

        session = round_trip.sign_in("user@example.com", settings.DEMO_PASSWORD)
        self._people = [round_trip.Person(session, slug) for _ in range(max(AT_ONCE))]
        self.began = datetime.now(UTC)
        self._watcher = round_trip.Watcher(LOOK_SECONDS)

    def ask(self, at_once: int, count: int) -> float:
        """Make ``count`` predictions; return how many a second were finished."""

        def work(person: round_trip.Person) -> None:
            for _ in range(count // at_once):
                execution = person.send()
                status, _ = self._watcher.until_readable(execution, 0.0)
                if status != "succeeded":
                    raise RuntimeError(f"a prediction ended as {status}")
                if at_once == 1:
                    self._watcher.until_explained(execution)

        began = time.perf_counter()
        if at_once == 1:
            work(self._people[0])
        else:
            with ThreadPoolExecutor(at_once) as threads:
                list(threads.map(work, self._people[:at_once]))
        return count / (time.perf_counter() - began)


def until_all_are_explained(began: datetime) -> None:
    """Wait until every prediction since then has its explanation."""
    from executions.explanations.storing import unexplained

    waiting = unexplained().filter(version__model__name=stack.MODEL, requested_at__gte=began)
    stack.until(lambda: not waiting.exists(), "predictions stayed unexplained")


def charge(into: Series, asker: Asker, at_once: int, count: int) -> float:
    """Have ``count`` predictions made and explained, and note what each part spent on one; return
    how many a second were finished."""
    before = spent()
    per_second = asker.ask(at_once, count)
    until_all_are_explained(asker.began)
    time.sleep(SETTLE_SECONDS)
    for name, milliseconds in since(before, count).items():
        into.setdefault(name, []).append(round(milliseconds, 2))
    return per_second


def charge_scorer(into: Series, scorer: mlflow.Scorer, at_once: int, count: int) -> None:
    """The same for MLflow's scorer, which gets the same number of requests at once."""
    row = [[5.9, 3.0, 4.2, 1.3]]
    before = processor_seconds(memory.family(scorer.pid))
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(lambda _: scorer.answers(row), range(count)))
    seconds = processor_seconds(memory.family(scorer.pid)) - before
    into.setdefault(SCORER, []).append(round(1000 * seconds / count, 2))


@contextmanager
def measured(peers: Path) -> Iterator[tuple[Asker, mlflow.Scorer | None]]:
    """The running stack and MLflow's scorer, both warm."""
    from models_registry.models import ModelVersion

    version = ModelVersion.objects.active().get(model__name=stack.MODEL)
    names = list(version.features.values_list("name", flat=True))
    with mlflow.serving(peers, names) as scorer:
        asker = Asker(version.model.slug)
        asker.ask(1, 10)
        if scorer:
            charge_scorer({}, scorer, 1, 20)
        yield asker, scorer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.processor", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=stack.FOLDER / "processor.json")
    parser.add_argument("--pairs", type=int, default=5, help="with MLflow (default 5)")
    parser.add_argument("--each", type=int, default=40, help="of each in a pair (default 40)")
    parser.add_argument("--peers", type=Path, default=mlflow.PEERS, help="that has MLflow")
    asked = parser.parse_args()
    found: dict[int, Series] = {at_once: {} for at_once in AT_ONCE}
    idle: dict[str, float] = {}
    per_second: dict[int, list[float]] = {at_once: [] for at_once in AT_ONCE}
    before_load = os.getloadavg()[0]
    with stack.running():
        if not stack.has_forest():
            stack.publish_forest()
        stack.set_up()
        with measured(asked.peers) as (asker, scorer):
            before = spent()
            time.sleep(IDLE_SECONDS)
            idle = since(before, IDLE_SECONDS)
            for pair in range(asked.pairs):
                print(f"pair {pair + 1} of {asked.pairs}", flush=True)
                for at_once, into in found.items():
                    per_second[at_once].append(charge(into, asker, at_once, asked.each))
                    if scorer:
                        charge_scorer(into, scorer, at_once, asked.each)
    told = {
        "per_prediction_ms": {str(at_once): series for at_once, series in found.items()},
        "idle_ms_per_second": {name: round(each, 2) for name, each in idle.items()},
        "per_second": {str(at_once): taken for at_once, taken in per_second.items()},
        "machine": report.machine() | {"load_before": round(before_load, 2)},
    }
    print(f"\n{table(found, idle)}\n\n{targets.table(targets.processor(told))}\n")
    report.write(asked.file, told)
    print(f"Every sample: {asked.file}")
    return 0


def table(found: Mapping[int, Series], idle: Mapping[str, float]) -> str:
    """Return one line for each part, the dearest first: milliseconds per prediction (medians)."""
    first = found[AT_ONCE[0]]
    names = sorted(first, key=lambda name: -statistics.median(first[name]))
    lines = [["", "one at a time", *(f"{count} at once" for count in AT_ONCE[1:]), "idle a second"]]
    for name in names:
        cells = [f"{statistics.median(series[name]):.1f} ms" for series in found.values()]
        lines.append([name, *cells, f"{idle[name]:.1f} ms" if name in idle else ""])
    return report.aligned(lines, str.rjust)


if __name__ == "__main__":
    sys.exit(main())
