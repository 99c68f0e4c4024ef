"""The page of a comparison."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.requests import SignedInRequest
from executions.comparison.asked import Asked, asked_comparison, comparison_context
from executions.models import Execution


@dataclass(frozen=True)
class Column:
    """One prediction's head in the table, and the addresses that change the comparison; the last
    two cannot be removed."""

    execution: Execution
    baseline_url: str
    remove_url: str


@require_GET
def compare_executions(request: SignedInRequest) -> HttpResponse:
    asked = asked_comparison(request)
    if asked.problem:
        return render(request, "executions/compare.html", {"asked": asked}, status=422)
    shows_all = "all" in request.GET
    context = comparison_context(asked) | {
        "columns": _columns(asked, shows_all),
        "shows_all": shows_all,
        "toggle_url": _url(asked.executions, shows_all=not shows_all),
        "csv_url": _url(asked.executions, name="compare_csv"),
        "pdf_url": _url(asked.executions, name="compare_pdf"),
    }
    return render(request, "executions/compare.html", context)


def _columns(asked: Asked, shows_all: bool) -> list[Column]:
    columns = []
    for execution in asked.executions:
        others = [other for other in asked.executions if other != execution]
        first = _url([execution, *others], shows_all=shows_all)
        gone = _url(others, shows_all=shows_all) if len(others) > 1 else ""
        columns.append(Column(execution, first, gone))
    return columns


def _url(executions: list[Execution], *, name: str = "compare", shows_all: bool = False) -> str:
    """The comparison of these, with the first as the baseline."""
    query: dict[str, Any] = {"ids": [str(one.pk) for one in executions]}
    if executions:
        query["baseline"] = str(executions[0].pk)
    if shows_all:
        query["all"] = 1
    return f"{reverse(f'executions:{name}')}?{urlencode(query, doseq=True)}"
