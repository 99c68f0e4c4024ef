"""`python -m bench.cores [FILE]`: the same load on one core and on two, and with more processes.

On the stack of `bench.stack`, by turns in one run, 8 people at once: all processes of the stack and
this one on one core, on two, and on two with one web process instead of two, with a second worker,
and with a second worker that speaks to a second Prefect API process. `docs/scaling.md` calculates
from these figures and those of `bench.processor`.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench import memory, report, stack, targets
from bench.prediction import round_trip
from config.stack.servers.prefect import SERVER
from config.stack.supervision import record

AT_ONCE, ROUNDS, TURNS = 8, 8, 3
ONE, TWO = "one core", "two cores"
LOOK_SECONDS = 0.2


def leader(name: str) -> psutil.Process:
    """Return the first process of a part of the stack."""
    running = record.read(stack.STACK)
    assert running is not None, "a stack that runs has a record"
    return psutil.Process(running.processes[name].identity.pid)


def keep_to(cores: set[int]) -> None:
    """Keep every thread of the stack and of this process to these cores; new ones follow."""
    running = record.read(stack.STACK)
    assert running is not None, "a stack that runs has a record"
    leaders = (running.supervisor, *(one.identity for one in running.processes.values()))
    for pid in set().union({os.getpid()}, *(memory.family(one.pid) for one in leaders)):
        for thread in Path(f"/proc/{pid}/task").glob("*"):
            try:
                os.sched_setaffinity(int(thread.name), cores)
            except ProcessLookupError:
                continue


@contextmanager
def one_web_process() -> Iterator[None]:
    """Have gunicorn end one of its two processes, and start it again afterwards."""
    web = leader("web")
    count = len(web.children())
    web.send_signal(signal.SIGTTOU)
    try:
        stack.until(lambda: len(web.children()) == count - 1, "no web process ended")
        yield
    finally:
        web.send_signal(signal.SIGTTIN)
        stack.until(lambda: len(web.children()) == count, "the web process did not start")


@contextmanager
def second_worker(api_url: str = "") -> Iterator[None]:
    """Run a second worker of the stack, which speaks to the Prefect API of this address."""
    from engine.heartbeats import heartbeats

    before = len(heartbeats())
    environment = os.environ | ({"PREFECT_API_URL": api_url} if api_url else {})
    with (stack.FOLDER / "second-worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "flows.worker"],
            cwd=stack.REPOSITORY, stdout=log, stderr=log, env=environment,
        )  # fmt: skip
    try:
        stack.until(lambda: len(heartbeats()) > before, "the second worker did not start")
        yield
    finally:
        worker.terminate()
        worker.wait(60)


@contextmanager
def second_api() -> Iterator[str]:
    """Run a second Prefect API process without services on the same database; its address."""
    first = leader("prefect")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"http://127.0.0.1:{port}/api"
    command = (str(SERVER), "server", "start", "--no-services", "--host", "127.0.0.1")
    with (stack.FOLDER / "second-api.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, *command, "--port", port],
            cwd=stack.FOLDER, stdout=log, stderr=log,
            env=first.environ() | {"PREFECT_API_URL": address},
        )  # fmt: skip
    try:
        stack.until(lambda: _is_healthy(address), "the second API did not start: second-api.log")
        yield address
    finally:
        server.terminate()
        server.wait(60)


@contextmanager
def second_worker_and_api() -> Iterator[None]:
    with second_api() as address, second_worker(address):
        yield


def _is_healthy(address: str) -> bool:
    from django.conf import settings

    user, _, password = settings.PREFECT_API_AUTH_STRING.partition(":")
    try:
        return httpx.get(f"{address}/health", auth=(user, password)).status_code == 200
    except httpx.TransportError:
        return False


Setting = tuple[set[int], Callable[[], AbstractContextManager[None]] | None]


def measure(turns: int, rounds: int) -> dict[str, list[float]]:
    """Return the predictions a second of each turn in each setting."""
    from django.conf import settings

    from models_registry.models import ModelVersion

    every = sorted(os.sched_getaffinity(0))
    if len(every) < 2:
        raise RuntimeError("this machine has one core")
    one, two = {every[0]}, set(every[:2])
    many: dict[str, Setting] = {
        ONE: (one, None),
        TWO: (two, None),
        "two cores, one web process": (two, one_web_process),
        "two cores, two workers": (two, second_worker),
        "two cores, two workers, each with an API process": (two, second_worker_and_api),
    }
    slug = ModelVersion.objects.active().get(model__name=stack.MODEL).model.slug
    session = round_trip.sign_in("user@example.com", settings.DEMO_PASSWORD)
    people = [round_trip.Person(session, slug) for _ in range(AT_ONCE)]
    watcher = round_trip.Watcher()
    told: dict[str, list[float]] = {name: [] for name in many}
    try:
        for turn in range(turns):
            for name, (cores, more) in many.items():
                print(f"{name}, {turn + 1} of {turns}", flush=True)
                with ExitStack() as ending:
                    if more is not None:
                        ending.enter_context(more())
                    keep_to(cores)
                    round_trip.many(people, watcher, AT_ONCE)  # opens what is new
                    samples, seconds = round_trip.many(people, watcher, AT_ONCE * rounds)
                    keep_to(two)
                if any(sample.status != "succeeded" for sample in samples):
                    raise RuntimeError(f"a prediction failed: {name}")
                told[name].append(round(len(samples) / seconds, 2))
    finally:
        keep_to(set(every))
    return told


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cores", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=stack.FOLDER / "cores.json")
    parser.add_argument("--turns", type=int, default=TURNS, help="of each setting (default 3)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="by each of 8 (default 8)")
    asked = parser.parse_args()
    before = os.getloadavg()[0]
    with stack.running():
        if not stack.has_forest():
            stack.publish_forest()
        stack.set_up()
        per_second = measure(asked.turns, asked.rounds)
    told: dict[str, Any] = {"per_second": per_second}
    told["machine"] = report.machine() | {"load_before": round(before, 2)}
    lines = [["8 at once", "a second", "of each turn"]]
    for name, taken in per_second.items():
        turns = ", ".join(f"{each:.1f}" for each in taken)
        lines.append([name, f"{statistics.median(taken):.1f}", turns])
    print(f"\n{report.aligned(lines)}\n\n{targets.table([targets.cores(told)])}\n")
    report.write(asked.file, told)
    print(f"Every sample: {asked.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
