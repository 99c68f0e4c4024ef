"""The list of a version's saved cases on its test page."""

from dataclasses import dataclass

from executions.models import Execution
from models_registry.models import ModelVersion, Target, TestCase
from models_registry.services.cases import answer_text, shown_problem


@dataclass(frozen=True)
class CaseLine:
    """One case: ``state`` is passes, fails, running, stale (not run since the change) or new;
    ``run`` its last execution."""

    case: TestCase
    state: str
    expected: str
    problem: str
    run: Execution | None

    @property
    def is_running(self) -> bool:
        return self.state == "running"


def case_lines(version: ModelVersion) -> list[CaseLine]:
    """Return every case of the version, in two queries and one for its targets."""
    targets = list(version.targets.all())
    runs = {
        run.test_case_id: run
        for run in Execution.objects.filter(test_case__version=version)
        .order_by("test_case_id", "-requested_at", "-pk")
        .distinct("test_case_id")
    }
    return [
        CaseLine(
            case, _state(case, run), _expected(case, targets), shown_problem(case, targets), run
        )
        for case in version.cases.all()
        for run in [runs.get(case.pk)]
    ]


def _state(case: TestCase, run: Execution | None) -> str:
    if run is not None and not run.is_finished:
        return "running"
    if case.passed is None:
        return "new"
    if not case.is_pinned:
        return "stale"
    return "passes" if case.passed else "fails"


def _expected(case: TestCase, targets: list[Target]) -> str:
    texts = []
    for place, value in enumerate(case.expected):
        target = targets[place] if place < len(targets) else Target()
        name = f"{target}: " if len(case.expected) > 1 else ""
        texts.append(f"{name}{answer_text(value, target)}")
    return " · ".join(texts)
