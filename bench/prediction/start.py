"""The start of the stack: seconds until it is ready, its memory then, and the first prediction."""

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from bench import memory, stack
from bench.memory import Memory
from bench.prediction.round_trip import Sample
from config.stack.supervision import record


@dataclass(frozen=True)
class Start:
    """One start of a stack that had run before. ``told_ms`` is the first prediction of the ready
    line, which is part of the start; ``first`` the first one after it, ``warm`` some more."""

    ready_seconds: float
    told_ms: float | None
    memory: dict[str, Memory]
    first: Sample
    warm: list[Sample]
    scrapes_ms: list[float]

    def as_json(self) -> dict[str, Any]:
        return {
            "ready_seconds": round(self.ready_seconds, 2),
            "told_ms": self.told_ms,
            "memory": {name: held.as_json() for name, held in self.memory.items()},
            "first": self.first.as_json(),
            "warm": [sample.as_json() for sample in self.warm],
            "scrapes_ms": self.scrapes_ms,
        }


def again() -> Start:
    """Stop the stack and start it, as `make run` does on a machine where it ran before."""
    stack.manage("down")
    began = time.monotonic()
    stack.manage("up", "--detach")
    seconds = time.monotonic() - began
    running = record.read(stack.STACK)
    assert running is not None, "a stack that is ready has a record"
    told = re.search(r"first prediction: (\d+) ms", running.ready_line)
    held = memory.of_stack(running)
    command = [sys.executable, "-m", "bench.prediction.first"]
    done = subprocess.run(
        command, cwd=stack.REPOSITORY, check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return Start(
        ready_seconds=seconds,
        told_ms=float(told[1]) if told else None,
        memory=held,
        first=Sample(**found["first"]),
        warm=[Sample(**one) for one in found["warm"]],
        scrapes_ms=found["scrapes_ms"],
    )
