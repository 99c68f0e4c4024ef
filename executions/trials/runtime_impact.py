"""A try in another runtime, summed up: how often both answers are equal, and how they differ."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.text.numbers import decimal_text
from executions.trials.impact import Impact, Said, said_by, summarize
from models_registry.models import ModelVersion, Rehearsal, TestCase
from models_registry.rehearsal_results import Beside, Failed, Given, are_all_equal
from models_registry.services.cases import answer_text


@dataclass(frozen=True)
class CaseOnBoth:
    """A saved case that passes in one runtime alone, with the answers of both."""

    case: TestCase
    own: str
    other: str


@dataclass(frozen=True)
class RuntimeImpact:
    """What changes for a version of ``own`` if ``other`` serves it. ``impact`` counts the rows of
    saved cases and of predictions; ``equal`` answers are so to the last digit, and ``is_equal`` if
    all are. ``confidence`` is the largest change of one, in percentage points. ``failed_before`` is
    the number of rows without an answer in ``own``."""

    own: str
    other: str
    impact: Impact
    equal: int
    is_equal: bool
    confidence: float | None
    failed_before: int
    cases: int
    passing_before: int
    passing: int
    no_more: tuple[CaseOnBoth, ...] = ()
    only_now: tuple[CaseOnBoth, ...] = ()

    @property
    def differing(self) -> int:
        return self.impact.answered - self.equal

    @property
    def equal_percent(self) -> str:
        answered = self.impact.answered
        return f"{decimal_text(100 * self.equal / answered, 1)} %" if answered else "–"

    @property
    def confidence_text(self) -> str:
        """The largest change of a confidence, where one changed."""
        if not self.confidence:
            return ""
        points = 100 * self.confidence
        return f"{decimal_text(points, 1)} points" if points >= 0.1 else "less than 0.1 points"


def runtime_impact_of(tried: Rehearsal) -> RuntimeImpact:
    """Compare both answers of a finished try, seen from the runtime that serves the version now."""
    version = tried.version
    own = version.scikit_learn
    other = tried.own_runtime if tried.runtime == own else tried.runtime
    rows = tried.tried_rows
    if own != tried.own_runtime:
        rows = tuple(row.turned if isinstance(row, Beside) else row for row in rows)
    both = [(of, row) for of, row in zip(tried.of, rows, strict=True) if isinstance(row, Beside)]
    pairs = [
        (row.own, row.other, row.is_equal)
        for _, row in both
        if isinstance(row.own, Given) and isinstance(row.other, Given)
    ]
    targets = list(version.targets.all())
    impact = summarize(
        [
            Said(said_by(version, before.values[0]), said_by(version, after.values[0]))
            for before, after, _ in pairs
        ],
        asked=len(rows),
        valid=len(both),
        failed=sum(isinstance(row.other, Failed) for _, row in both),
        unit=targets[0].unit if targets else "",
    )
    cases = _cases(version, both)
    return RuntimeImpact(
        own=own,
        other=other,
        impact=impact,
        equal=sum(is_equal for _, _, is_equal in pairs),
        is_equal=are_all_equal(rows),
        confidence=max((_apart(before, after) for before, after, _ in pairs), default=None),
        failed_before=sum(isinstance(row.own, Failed) for _, row in both),
        cases=len(cases),
        passing_before=sum(_passes(row.own) for _, row in cases),
        passing=sum(_passes(row.other) for _, row in cases),
        no_more=_changed(
            version,
            [(case, row) for case, row in cases if _passes(row.own) and not _passes(row.other)],
        ),
        only_now=_changed(
            version,
            [(case, row) for case, row in cases if _passes(row.other) and not _passes(row.own)],
        ),
    )


def _cases(
    version: ModelVersion, both: Sequence[tuple[str | int, Beside]]
) -> list[tuple[TestCase, Beside]]:
    known = version.cases.in_bulk()
    return [(known[of], row) for of, row in both if isinstance(of, int) and of in known]


def _changed(
    version: ModelVersion, cases: Sequence[tuple[TestCase, Beside]]
) -> tuple[CaseOnBoth, ...]:
    return tuple(
        CaseOnBoth(case, _text(version, row.own), _text(version, row.other)) for case, row in cases
    )


def _passes(answer: Given | Failed) -> bool:
    return isinstance(answer, Given) and bool(answer.passes)


def _text(version: ModelVersion, answer: Given | Failed) -> str:
    if isinstance(answer, Failed):
        return answer.error
    pairs = zip(answer.values, version.targets.all(), strict=False)
    return " · ".join(answer_text(value, target) for value, target in pairs)


def _apart(before: Given, after: Given) -> float:
    pairs = zip(before.confidences, after.confidences, strict=False)
    return max((abs(a - b) for a, b in pairs if a is not None and b is not None), default=0.0)
