"""The pages from a file with rows to its run: bring it, see how it is read, check it, run it."""

import uuid
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.requests import SignedInRequest
from config.errors import DomainError, refusals_as_messages
from config.limits.long_work import takes_long
from config.limits.rate_window import too_many_requests
from config.text.csv_text import csv_response
from config.text.numbers import count_text, megabytes_text, whole_number
from executions.access import asked_ids
from executions.batches import result_files
from executions.batches.tables import ENCODINGS, SEPARATORS, ReaderBusy
from executions.batches.understanding import CARRIED, LEFT_OUT, Choices, Understood
from executions.errors import QueueFull, TooManyBatches, TooManyRequests
from executions.models import Execution, RowsFile
from executions.services import rows_files
from executions.services.batches import TRIED_AGAIN
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion
from models_registry.views import live_version, retired

HEADER_ROWS = 10
MAX_OPTIONS = 20_000
"""The columns' choices that one page offers; with more, columns are found by name alone."""
MARKS = {"": "As each number says", ".": "Point: 1234.5", ",": "Comma: 1234,5"}
RECENT = 5


@require_http_methods(["GET", "POST"])
def rows(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show how rows are brought; a POST keeps a file, or pasted cells."""
    version = live_version(slug, request.user)
    if version is None:
        return retired(request, slug)
    error = ""
    if request.method == "POST":
        brought = request.FILES.get("file")
        name, chunks = (
            (brought.name or "file", brought.chunks())
            if brought
            else ("", [request.POST.get("cells", "").encode(errors="replace")])
        )
        try:
            file = rows_files.keep_file(
                user=request.user, model=version.model, name=name, chunks=chunks
            )
        except TooManyRequests as refusal:
            return too_many_requests(request, refusal.seconds)
        except DomainError as refusal:
            error = refusal.message
        else:
            return redirect("executions:rows_file", slug, file.pk)
    recent = Execution.objects.batches_of(request.user).filter(version__model=version.model)
    context = {
        "model": version.model,
        "version": version,
        "error": error,
        "cells": request.POST.get("cells", "") if error else "",
        "most_rows": settings.BATCH_MAX_ROWS,
        "most_bytes": settings.BATCH_MAX_BYTES,
        "most_size": megabytes_text(settings.BATCH_MAX_BYTES),
        "kept_hours": settings.ROWS_FILE_KEPT.total_seconds() // 3600,
        "recent": recent.select_related("batch", "version").order_by("-requested_at", "-pk")[
            :RECENT
        ],
        "files": RowsFile.objects.filter(user=request.user, model=version.model, execution=None),
    }
    return render(request, "executions/rows.html", context, status=422 if error else 200)


@require_GET
def rows_template(request: SignedInRequest, slug: str, kind: str) -> HttpResponseBase:
    """Download a table with the columns of the model's inputs; the spreadsheet has their rules as a
    second sheet."""
    version = live_version(slug, request.user)
    if version is None:
        return retired(request, slug)
    header = result_files.titles(version.features.as_schema().asked)
    name = f"{slug}-rows.{kind}"
    if kind == "csv":
        return csv_response(name, header, [])
    if kind != "xlsx":
        raise Http404
    rules = result_files.template_rules(version)
    return result_files.xlsx_response(
        name, [("Rows", header, []), ("Rules", result_files.RULES, rules)]
    )


@require_http_methods(["GET", "POST"])
def rows_file(request: SignedInRequest, slug: str, pk: uuid.UUID) -> HttpResponseBase:
    """Show how a file is understood, before anything runs; a POST chooses otherwise, or checks its
    rows."""
    version = live_version(slug, request.user)
    if version is None:
        return retired(request, slug)
    file = _own(request, version, pk)
    page = _shown if request.method == "GET" else _chosen
    # Of a text the first rows are enough to show it; a spreadsheet is always read whole.
    is_long = request.method == "POST" or rows_files.is_sheet(file)
    return (takes_long(page) if is_long else page)(request, file, version)


def _shown(request: SignedInRequest, file: RowsFile, version: ModelVersion) -> HttpResponse:
    schema = version.features.as_schema()
    table, error = None, ""
    try:
        table = rows_files.understood(file, schema, by=request.user)
    except DomainError as refusal:
        error = refusal.message
    context = _context(version, file) | {
        "table": table,
        "error": error,
        "encodings": ENCODINGS,
        "separators": SEPARATORS,
        "marks": MARKS,
        "choices": table.choices if table else Choices.stored(file.choices),
        "roles": _roles(schema, table) if table else None,
        "headers": _headers(table) if table else None,
        "found": sum(one.role.startswith(".") for one in table.columns) if table else 0,
        "carried_count": len(table.carried) if table else 0,
    }
    return render(request, "executions/rows_file.html", context, status=422 if error else 200)


def _chosen(request: SignedInRequest, file: RowsFile, version: ModelVersion) -> HttpResponse:
    """Save what was chosen. Another way to read the file is shown first, whatever was pressed."""
    page = redirect("executions:rows_file", version.model.slug, file.pk)
    schema = version.features.as_schema()
    before = None
    with refusals_as_messages(request):
        before = rows_files.understood(file, schema, by=request.user).choices
    known = before or Choices.stored(file.choices)
    chosen = _read(request, known, schema)
    if before is not None:
        file.choices = before.to_json()
    rows_files.choose(file, chosen)
    is_reread = Choices.stored(file.choices).roles is None
    if before is None or is_reread or request.POST.get("act") != "check":
        return page
    with refusals_as_messages(request):
        rows_files.check_file(file, version, by=request.user)
        return redirect("executions:rows_check", version.model.slug, file.pk)
    return page


def _read(request: SignedInRequest, known: Choices, schema: InputSchema) -> Choices:
    """The choices as posted; what is not posted or not offered stays as it was."""
    asked = request.POST
    changes: dict[str, Any] = {}
    if asked.get("encoding") in ENCODINGS:
        changes["encoding"] = asked["encoding"]
    if asked.get("separator") in SEPARATORS:
        changes["separator"] = asked["separator"]
    if "sheet" in asked:
        changes["sheet"] = asked["sheet"]
    if (header := whole_number(asked.get("header", ""), digits=6)) is not None:
        changes["header"] = header
    if asked.get("mark") in MARKS:
        changes["mark"] = asked["mark"]
    if known.roles is not None and "role_0" in asked:
        offered = {CARRIED, LEFT_OUT, *(f".{one.name}" for one in schema.features)}
        given = [asked.get(f"role_{place}", role) for place, role in enumerate(known.roles)]
        changes["roles"] = tuple(
            role if role in offered else kept for role, kept in zip(given, known.roles, strict=True)
        )
    if changes.get("sheet", known.sheet) != known.sheet:
        changes["header"] = None
    return replace(known, **changes)


def _roles(schema: InputSchema, table: Understood) -> list[tuple[str, str]] | None:
    """The (role, words) that a column is offered; None where they would be too many."""
    if len(schema.features) * len(table.columns) > MAX_OPTIONS:
        return None
    inputs = [(f".{one.name}", one.label) for one in schema.asked]
    return [(LEFT_OUT, "Left out"), (CARRIED, "Given back"), *inputs]


def _headers(table: Understood) -> list[tuple[int, str]]:
    """The rows that may hold the names."""
    chosen = table.choices.header or 0
    return [(0, "None")] + [
        (number, f"Row {count_text(number)}")
        for number in sorted({*range(1, HEADER_ROWS + 1), chosen} - {0})
    ]


@require_GET
def rows_check(request: SignedInRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    """Show what the check of a file's rows found."""
    version = live_version(slug, request.user)
    if version is None:
        return retired(request, slug)
    file = _own(request, version, pk)
    checked = rows_files.checked_of(file, version)
    if checked is None:
        return redirect("executions:rows_file", slug, file.pk)
    context = _context(version, file) | {"checked": checked}
    return render(request, "executions/rows_check.html", context)


@require_GET
@takes_long
def rows_problems(
    request: SignedInRequest, slug: str, pk: uuid.UUID, kind: str
) -> HttpResponseBase:
    """Download the rows with problems, as they were brought, with a last column ``problem``."""
    version = live_version(slug, request.user)
    if version is None:
        return retired(request, slug)
    file = _own(request, version, pk)
    if kind not in {"csv", "xlsx"}:
        raise Http404
    if rows_files.checked_of(file, version) is None:
        return redirect("executions:rows_file", slug, file.pk)
    header, found = rows_files.problem_rows(file, version, by=request.user)
    name = f"{slug}-problems.{kind}"
    if kind == "csv":
        return csv_response(name, header, found)
    return result_files.xlsx_response(name, [("Problems", header, found)])


@require_POST
@takes_long
def rows_run(request: SignedInRequest, slug: str, pk: uuid.UUID) -> HttpResponse:
    """Run the rows that are ready, as one batch. ``after`` is the one that failed or was canceled,
    where the person tries again."""
    version = live_version(slug, request.user)
    if version is None:
        return retired(request, slug)
    file = _own(request, version, pk)
    ended = Execution.objects.batches_of(request.user).filter(
        version__model=version.model, status__in=TRIED_AGAIN
    )
    after = ended.filter(pk__in=asked_ids(request.POST.getlist("after"))).first()
    try:
        execution = rows_files.run_file(file, version, by=request.user, after=after)
    except (TooManyBatches, QueueFull, ReaderBusy) as refusal:
        context = _context(version, file) | {
            "checked": rows_files.checked_of(file, version),
            "error": refusal.message,
            "after": after,
        }
        status = 429 if isinstance(refusal, TooManyBatches) else 503
        response = render(request, "executions/rows_check.html", context, status=status)
        response["Retry-After"] = str(refusal.seconds)
        return response
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("executions:rows_file", slug, file.pk)
    return redirect("executions:batch", execution.pk)


def _own(request: SignedInRequest, version: ModelVersion, pk: uuid.UUID) -> RowsFile:
    """The person's own file for this model, or 404."""
    return get_object_or_404(RowsFile, pk=pk, user=request.user, model=version.model)


def _context(version: ModelVersion, file: RowsFile) -> dict[str, Any]:
    return {"model": version.model, "version": version, "file": file}
