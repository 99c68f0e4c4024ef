"""The executions that a comparison request names, and those of them that can be shown."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404
from django.utils import timezone

from accounts.requests import SignedInRequest
from executions.access import asked_id, asked_ids, own_executions
from executions.comparison.chart import chart_of
from executions.comparison.differences import Compared, compare
from executions.models import Execution
from executions.results.answer import number_of
from executions.results.presentation import answer_of, error_sentence

AT_MOST = 3


@dataclass(frozen=True)
class Asked:
    """The executions that a request compares, the baseline first; ``problem`` says why none can be
    compared."""

    executions: list[Execution]
    problem: str = ""
    hint: str = ""

    @property
    def compared(self) -> list[Compared]:
        return [_compared(execution) for execution in self.executions]

    @property
    def versions(self) -> list[str]:
        return list(dict.fromkeys(one.version.short_name for one in self.executions))

    @property
    def public_ids(self) -> str:
        return ", ".join(one.public_id for one in self.executions)


def asked_comparison(request: SignedInRequest) -> Asked:
    """Return the person's own predictions that the query string names. Raises Http404 for any
    other."""
    texts = [text for value in request.GET.getlist("ids") for text in value.split(",")]
    ids = asked_ids(texts)
    found = list(own_executions(request).filter(pk__in=ids[:AT_MOST]))
    if len(found) != len(ids[:AT_MOST]):
        raise Http404
    hint = "Three predictions fit side by side; the others were left out." if len(ids) > 3 else ""
    waiting = [one.public_id for one in found if not one.is_finished]
    if waiting:
        return Asked(found, f"{', '.join(waiting)} is not finished yet. Compare it once it is.")
    if len({one.version.model_id for one in found}) > 1:
        return Asked(found, "These predictions are from different models, which share no inputs.")
    if len(found) < 2:
        return Asked(found, "Choose two or three predictions in your history.")
    found.sort(key=lambda one: one.requested_at)
    base = asked_id(request.GET.get("baseline", ""))
    found.sort(key=lambda one: one.pk != base)
    return Asked(found, hint=hint)


def _compared(execution: Execution) -> Compared:
    outputs = execution.read_outputs()
    return Compared(
        at=execution.requested_at,
        when=f"{timezone.localtime(execution.requested_at):%-d %b %Y, %H:%M}",
        version=execution.version.short_name,
        schema=execution.version.features.as_schema(),
        inputs=execution.inputs or {},
        answer=answer_of(execution),
        number=number_of(outputs) if outputs else None,
        failure=error_sentence(execution) or execution.get_status_display(),
        confidence=outputs.targets[0].confidence if outputs else None,
        public_id=execution.public_id,
    )


def comparison_context(asked: Asked) -> dict[str, Any]:
    """Build the template context of the page and the PDF."""
    predictions = asked.compared
    comparison = compare(predictions)
    return {
        "asked": asked,
        "model": asked.executions[0].version.model,
        "comparison": comparison,
        "chart": chart_of(predictions, comparison),
        "made_with": _made_with(asked),
    }


def _made_with(asked: Asked) -> str:
    """ "Two predictions were made with v4, one with v3." where the versions differ."""
    if len(asked.versions) < 2:
        return ""
    counts = {
        version: sum(one.version.short_name == version for one in asked.executions)
        for version in asked.versions
    }
    words = {1: "one", 2: "two"}
    (first, count), *others = sorted(counts.items(), key=lambda pair: -pair[1])
    verb = "prediction was" if count == 1 else "predictions were"
    parts = [f"{words[count].capitalize()} {verb} made with {first}"]
    parts += [f"{words[count]} with {version}" for version, count in others]
    return ", ".join(parts) + "."
