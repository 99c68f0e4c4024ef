"""Operations on files with rows: keep, choose, check, run. A file is its owner's alone, and expires
after a day."""

import codecs
import json
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now

from accounts.models import User
from config.errors import DomainError
from config.limits.rate_window import seconds_to_wait
from config.text.json_text import shown
from config.text.numbers import count_text, megabytes_text
from executions.batches.checked_rows import CheckedRow, checked_rows
from executions.batches.checking import Problem
from executions.batches.contents import BatchRow
from executions.batches.tables import Cell, is_spreadsheet, text_of
from executions.batches.understanding import Choices, Understood, understanding
from executions.errors import NoActiveVersion, TooManyBatchRows, TooManyRequests
from executions.models import Batch, Execution, RowsFile, RowsFilePiece
from executions.services.batches import submit_batch
from model_host.protocol.codec import stored, to_json
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, RegisteredModel

PIECE_BYTES = 1024**2
LISTED_PROBLEMS = 100
ERRORS_PER_ROW = 20


class FileTooLarge(DomainError):
    def __init__(self, most: int) -> None:
        super().__init__(
            f"The file is larger than the {megabytes_text(most)} that are taken. Bring it in "
            "several parts."
        )


class NothingBrought(DomainError):
    message = "Choose a file, or paste the cells of a spreadsheet."


class ChangedMeanwhile(DomainError):
    message = (
        "The model or what you chose has changed since the rows were checked. Nothing has been "
        "run. Check them again."
    )


@dataclass(frozen=True)
class CellProblem:
    """One value that is not valid: its row in the file, the input's label, the value, and the
    sentence with the rule."""

    row: int
    label: str
    value: str
    sentence: str


@dataclass(frozen=True)
class Checked:
    """What the check of a file found: how many rows are ready and how many have problems, and the
    problems of the first of these. ``of`` names the version and the choices that it was made
    with."""

    of: str
    ready: int
    problems: int
    listed: tuple[CellProblem, ...]
    warned: int = 0

    @property
    def is_cut(self) -> bool:
        return self.problems > LISTED_PROBLEMS


def keep_file(
    *, user: User, model: RegisteredModel, name: str, chunks: Iterable[bytes]
) -> RowsFile:
    """Keep a file, or pasted cells (without a ``name``), for a day; the oldest of the person's
    gives place where there are too many. Raises FileTooLarge, NothingBrought, TooManyRequests."""
    if wait := seconds_to_wait(
        RowsFile.objects.filter(user=user), "created_at", limit=settings.ROWS_FILES_PER_MINUTE
    ):
        raise TooManyRequests(wait)
    with transaction.atomic():
        file = RowsFile.objects.create(
            user=user,
            model=model,
            name=name.replace("\0", "")[:300],
            expires_at=Now() + Value(settings.ROWS_FILE_KEPT),
        )
        file.size, file.is_utf8 = _store(file, chunks)
        if not file.size:
            raise NothingBrought
        file.save(update_fields=["size", "is_utf8"])
        kept = RowsFile.objects.filter(user=user).order_by("-created_at", "-pk")
        beyond = list(kept.values_list("pk", flat=True)[settings.ROWS_FILES_PER_PERSON :])
        RowsFile.objects.filter(pk__in=beyond).delete()
    return file


def _store(file: RowsFile, chunks: Iterable[bytes]) -> tuple[int, bool]:
    """Store the bytes in pieces; returns their number, and whether all of them are UTF-8."""
    decoder, is_utf8, size = codecs.getincrementaldecoder("utf-8")(), True, 0
    for number, chunk in enumerate(_pieces(chunks)):
        size += len(chunk)
        if size > settings.BATCH_MAX_BYTES:
            raise FileTooLarge(settings.BATCH_MAX_BYTES)
        if is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
        RowsFilePiece.objects.create(file=file, number=number, content=zlib.compress(chunk, 1))
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_utf8 = False
    return size, is_utf8


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    gathered = bytearray()
    for chunk in chunks:
        gathered += chunk
        while len(gathered) >= PIECE_BYTES:
            yield bytes(gathered[:PIECE_BYTES])
            del gathered[:PIECE_BYTES]
    if gathered:
        yield bytes(gathered)


def bytes_of(file: RowsFile) -> Iterator[bytes]:
    """Yield the file's bytes, a piece at a time."""
    number = 0
    while True:
        content = file.pieces.filter(number=number).values_list("content", flat=True).first()
        if content is None:
            return
        yield zlib.decompress(bytes(content))
        number += 1


def is_sheet(file: RowsFile) -> bool:
    """Return whether the file is a spreadsheet."""
    return is_spreadsheet(next(bytes_of(file), b""))


@contextmanager
def opened(
    file: RowsFile, schema: InputSchema, *, by: User
) -> Iterator[tuple[Understood, Iterator[CheckedRow]]]:
    """Read a file once: yield what it is understood as, with the person's choices, and its rows,
    checked, in their order. Raises TableUnreadable, ReaderBusy, TooManyBatchRows."""
    reading = understanding(
        partial(bytes_of, file),
        schema,
        choices=Choices.stored(file.choices),
        is_utf8=file.is_utf8,
        decimal_mark=by.decimal_mark,
    )
    with reading as (table, rows):
        yield table, _at_most(settings.BATCH_MAX_ROWS, checked_rows(rows, table, schema))


def _at_most(most: int, rows: Iterator[CheckedRow]) -> Iterator[CheckedRow]:
    for count, row in enumerate(rows, 1):
        if count > most:
            raise TooManyBatchRows(most)
        yield row


def understood(file: RowsFile, schema: InputSchema, *, by: User) -> Understood:
    """Return what the file is understood as. Raises TableUnreadable, ReaderBusy."""
    with opened(file, schema, by=by) as (table, _):
        return table


def choose(file: RowsFile, choices: Choices) -> None:
    """Save how the file is read; what was checked before is forgotten."""
    kept = Choices.stored(file.choices)
    if (kept.encoding, kept.separator, kept.sheet, kept.header) != (
        choices.encoding,
        choices.separator,
        choices.sheet,
        choices.header,
    ):
        choices = replace(choices, roles=None)  # they were those of other columns
    file.choices, file.checked = choices.to_json(), None
    file.save(update_fields=["choices", "checked"])


def check_file(file: RowsFile, version: ModelVersion, *, by: User) -> Checked:
    """Check every row, and save what was found. Raises TableUnreadable, TooManyBatchRows."""
    schema = version.features.as_schema()
    labels = {feature.name: feature.label for feature in schema.features}
    ready = problems = warned = 0
    listed: list[CellProblem] = []
    with opened(file, schema, by=by) as (table, rows):
        if table.problems:
            raise DomainError(table.problems[0])
        places = {one.role[1:]: one.place for one in table.columns if one.role.startswith(".")}
        for row in rows:
            if isinstance(row.outcome, BatchRow):
                ready += 1
                warned += bool(row.outcome.warnings)
                continue
            problems += 1
            if problems <= LISTED_PROBLEMS:
                listed += _listed(row, row.outcome, labels, places)
    checked = Checked(_state(version, table.choices), ready, problems, tuple(listed), warned)
    file.choices, file.checked = table.choices.to_json(), to_json(checked)
    file.save(update_fields=["choices", "checked"])
    return checked


def _listed(
    row: CheckedRow, problem: Problem, labels: dict[str, str], places: dict[str, int]
) -> Iterator[CellProblem]:
    for name, error in list(problem.cleaned.errors.items())[:ERRORS_PER_ROW]:
        place = places.get(name)
        cell: Cell = row.cells[place] if place is not None and place < len(row.cells) else None
        value = text_of(cell)
        yield CellProblem(row.number, labels.get(name, ""), _short(value), str(error))


def _short(value: str) -> str:
    text = shown(value[:200]).strip("“”") if value else ""
    return text if len(text) <= 80 else f"{text[:79]}…"


def checked_of(file: RowsFile, version: ModelVersion) -> Checked | None:
    """Return what the check found; None where there was none, or the version is another one."""
    if file.checked is None:
        return None
    checked: Checked = stored(Checked, file.checked)
    is_current = checked.of == _state(version, Choices.stored(file.choices))
    return checked if is_current else None


def _state(version: ModelVersion, choices: Choices) -> str:
    """A text that differs where another version or other choices would read the rows otherwise."""
    kept = json.dumps([version.pk, version.revision, version.sha256, asdict(choices)])
    return str(uuid.uuid5(uuid.NAMESPACE_OID, kept))


def run_file(
    file: RowsFile, version: ModelVersion, *, by: User, after: Execution | None = None
) -> Execution:
    """Run the rows of a checked file that are ready, as one batch; a second time it is the same
    one. ``after`` is a batch of them that ended without all answers: then it is another one, the
    same again for each. Raises ChangedMeanwhile, and what ``submit_batch`` raises."""
    if not version.is_active:
        raise NoActiveVersion
    checked = checked_of(file, version)
    if checked is None:
        raise ChangedMeanwhile
    schema = version.features.as_schema()
    with opened(file, schema, by=by) as (table, rows):
        if _state(version, table.choices) != checked.of:
            raise ChangedMeanwhile
        execution = submit_batch(
            user=by,
            version=version,
            rows=(row.outcome for row in rows if isinstance(row.outcome, BatchRow)),
            source=Batch.Source.FILE,
            token=uuid.uuid5(file.pk, f"{checked.of} {after.pk}" if after else checked.of),
            carried=[column.name for column in table.carried],
            file_name=file.name,
            problem_count=checked.problems,
            retry_of=after,
        )
    file.execution = execution
    file.save(update_fields=["execution"])
    return execution


def problem_rows(
    file: RowsFile, version: ModelVersion, *, by: User
) -> tuple[list[str], Iterator[list[Any]]]:
    """Return the header and the rows of the file that have problems, as they were brought, with a
    last column that says what is wrong."""
    schema = version.features.as_schema()
    table = understood(file, schema, by=by)
    labels = {feature.name: feature.label for feature in schema.features}

    def found() -> Iterator[list[Any]]:
        width = len(table.columns)
        with opened(file, schema, by=by) as (_, rows):
            for row in rows:
                if isinstance(row.outcome, Problem):
                    cells = [text_of(cell) for cell in row.cells][:width]
                    errors = row.outcome.cleaned.errors.items()
                    said = [f"{labels[name]}: {error}" if name in labels else str(error)
                            for name, error in errors]  # fmt: skip
                    yield [*cells, *[""] * (width - len(cells)), " ".join(said)]

    return [*(one.title for one in table.columns), "problem"], found()


def rows_text(checked: Checked) -> str:
    """ "9,963 ready · 37 with problems"."""
    text = f"{count_text(checked.ready)} ready"
    return f"{text} · {count_text(checked.problems)} with problems" if checked.problems else text
