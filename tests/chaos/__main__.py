"""`make chaos`: every crash point under load, then all of them at random.

CHAOS_MINUTES=10 is how long the last one takes, 0 leaves it out. CHAOS=words runs the crash points
whose names contain one of the comma-separated words. What is run replaces its rows in
`docs/reliability.md`.
"""

import os
import random
import shutil
import signal
import sys

from config.stack.environment import REPOSITORY
from tests.chaos import report
from tests.chaos.faults import FAULTS, at_random
from tests.chaos.run import prepared, suffer
from tests.chaos.scene import Fault, Scene

FOLDER = REPOSITORY / ".stack" / "chaos"


def main() -> int:
    minutes = float(os.environ.get("CHAOS_MINUTES", "10"))
    words = [word.strip() for word in os.environ.get("CHAOS", "").split(",") if word.strip()]
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))

    def all_at_random(scene: Scene) -> None:
        scene.note(f"{minutes:g} minutes, CHAOS_SEED={seed}")
        at_random(scene, minutes * 60, random.Random(seed))

    everything = Fault(
        "all of them at random", "within 60 s of the last", all_at_random, 60, frozenset({"CRASH"})
    )
    faults = [*FAULTS, everything]
    chosen = [
        fault
        for fault in faults
        if (minutes or fault is not everything)
        and (not words or any(word in fault.name for word in words))
    ]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # the product is stopped, too
    shutil.rmtree(FOLDER, ignore_errors=True)
    outcomes = []
    with prepared(FOLDER) as scene:
        for fault in chosen:
            outcome = suffer(scene, fault)
            if outcome is not None:
                outcomes.append(outcome)
                report.write([outcome], [fault.name for fault in faults])
    print(f"\n{report.told(outcomes)}")
    return int(not all(outcome.is_kept for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
