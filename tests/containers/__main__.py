"""`make containers`: build the images, bring docker-compose.yml up, use it, kill it, restore it.

CONTAINERS=words runs the acts whose names contain one of the comma-separated words, on what an
earlier run left up with CONTAINERS_KEEP=1. CONTAINERS_STAND_INS=1 makes stand-ins for the images of
others from Debian's packages. docs/installing.md has the figures of a run.
"""

import os
import shutil
import sys
import time

from config.stack.environment import REPOSITORY
from tests.containers import engine, stand_ins
from tests.containers.promises import ACTS, BrokenError, Scene
from tests.containers.site import Site

FOLDER = REPOSITORY / ".stack" / "containers"


def main() -> int:
    words = [word.strip() for word in os.environ.get("CONTAINERS", "").split(",") if word.strip()]
    if not words:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        found = engine.find(FOLDER)
        print(found.version(), flush=True)
        if stand_ins.are_wanted() and not words:
            for line in stand_ins.make(found, FOLDER):
                print(f"stand-in for {line}", flush=True)
        site = (Site.kept if words else Site.cloned)(found, FOLDER / "site")
    except engine.EngineError as error:
        print(error, file=sys.stderr)
        return 1
    scene, broken = Scene(site), 0
    try:
        for name, act in ACTS.items():
            if words and not any(word in name for word in words):
                continue
            began = time.monotonic()
            try:
                said = act(scene)
            except (BrokenError, engine.EngineError, RuntimeError) as error:
                said, broken = f"BROKEN: {error}", broken + 1
            print(f"{name:<28} {time.monotonic() - began:5.0f} s  {said}", flush=True)
    finally:
        if not os.environ.get("CONTAINERS_KEEP"):
            site.down()
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
