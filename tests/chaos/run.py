"""One chaos run: the product is prepared, and each fault is caused under load and judged."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.machine import Machine, until
from tests.chaos.people import Crowd, Person
from tests.chaos.scene import CannotBeRun, Fault, Scene
from tests.chaos.truth import Truth, Verdict

PER_SECOND = float(os.environ.get("CHAOS_PER_SECOND", "5"))
BEFORE_SECONDS = 2.0
AFTER_SECONDS = 3.0
PATIENCE_SECONDS = 240.0


@dataclass(frozen=True)
class Outcome:
    """A fault, what became of everything, and whether the promise was kept."""

    name: str
    must: str
    verdict: Verdict
    limit: float
    notes: tuple[str, ...]
    load_average: float

    @property
    def is_kept(self) -> bool:
        return self.verdict.is_kept and self.verdict.recovered <= self.limit


@contextmanager
def prepared(folder: Path) -> Iterator[Scene]:
    """Yield the product in ``folder`` with people signed in and models to ask; stopped
    afterwards."""
    machine = Machine(folder)
    machine.up()
    try:
        files = folder / "files"
        files.mkdir(exist_ok=True)
        made = machine.act("prepare", str(files))
        values = machine.values
        truth = Truth(values["DATABASE_URL"], files)

        def sign_in(email: str) -> Person:
            return Person(values["SITE_URL"], email, values["DEMO_PASSWORD"])

        slugs = {name: made[name] for name in ("forest", "endless", "greedy", "rare", "altered")}
        live = truth.ask(
            "SELECT m.slug, v.sha256 FROM models_registry_modelversion v"
            " JOIN models_registry_registeredmodel m ON m.id = v.model_id"
        )
        by_slug = {row["slug"]: row["sha256"] for row in live}
        digests = {name: by_slug[slug] for name, slug in slugs.items()}
        (digests["other forest"],) = set(machine.act("keep", str(files))) - set(by_slug.values())
        people = [sign_in(email) for email in made["people"]]
        crowd = Crowd(people, slugs["forest"], PER_SECOND)
        yield Scene(machine, truth, crowd, sign_in(made["admin"]), slugs, files, digests)
    finally:
        machine.down()


def suffer(scene: Scene, fault: Fault, say: Callable[[str], None] = print) -> Outcome | None:
    """Run the fault under load and judge what became of the forms; None where this machine cannot
    make the fault."""
    say(f"{time.strftime('%H:%M:%S')} {fault.name} ...")
    scene.notes.clear()
    scene.crowd.submissions.clear()
    before = scene.truth.standing()
    broken = ""
    with scene.crowd.submitting():
        time.sleep(BEFORE_SECONDS)
        try:
            fault.happens(scene)
        except CannotBeRun as error:
            say(f"  cannot be run: {error}")
            return None
        except Exception as error:  # whatever it was: the rest is judged, and the row says so
            broken = f"{type(error).__name__}: {error}"
        ended_at = time.time()
        time.sleep(AFTER_SECONDS)
    try:
        until(lambda: not scene.truth.unfinished(), "everything to end", PATIENCE_SECONDS)
    except TimeoutError as error:
        broken = broken or str(error)
    verdict = scene.truth.judge(
        scene.crowd.submissions, before=before, may_change=fault.may_change, ended_at=ended_at
    )
    verdict.problems += [broken] if broken else []
    for code in verdict.failed.keys() - fault.fails:
        verdict.problems.append(f"{verdict.failed[code]} ended with {code}")
    if given_up := sum(one.execution is None for one in scene.crowd.submissions):
        verdict.problems.append(f"{given_up} forms were given up by the person")
    outcome = Outcome(
        fault.name, fault.must, verdict, fault.limit, _notes(scene), os.getloadavg()[0]
    )
    say(f"  {'kept' if outcome.is_kept else 'NOT KEPT'}: {verdict} {' '.join(outcome.notes)}")
    return outcome


def _notes(scene: Scene) -> tuple[str, ...]:
    refusals = [one for submission in scene.crowd.submissions for one in submission.refusals]
    slowest = max((one.answered_in for one in scene.crowd.submissions), default=0.0)
    notes = [f"the slowest page took {slowest:.1f} s", *scene.notes]
    if refusals:
        words = sorted({said for said, _ in refusals})
        slowest = max(seconds for _, seconds in refusals)
        notes.append(
            f"pressed again {len(refusals)} times, after at most {slowest:.1f} s "
            f"({', '.join(words)})"
        )
    return tuple(notes)
