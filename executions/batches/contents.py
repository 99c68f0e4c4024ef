"""The contents of a batch's chunks: rows, carried columns and answers, as bytes. Pure.

Compressed JSON in ``bytea``: smaller than ``jsonb``, which also refuses a NUL and forgets that 1e22
was a float (`docs/adr/0015-many-rows.md`).
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from model_host.protocol.codec import stored, to_json
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import ManyOutputs, Outputs, RowFailure

LEVEL = 1
"""zlib's fastest: the next levels save a tenth and take twice the time."""


@dataclass(frozen=True)
class BatchRow:
    """One checked row: the value of every feature in the schema's order, the warnings of the check,
    the cells to give back beside the result, and the row's number in its source, from 1."""

    values: tuple[Scalar, ...]
    warnings: tuple[str, ...] = ()
    carried: tuple[Scalar, ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Part:
    """The answers to some rows of a chunk, from the row ``first`` on."""

    first: int
    answers: ManyOutputs


def pack_rows(rows: Sequence[BatchRow]) -> bytes:
    """Return the values of the rows and their warnings."""
    said = {str(place): row.warnings for place, row in enumerate(rows) if row.warnings}
    return _packed({"values": [row.values for row in rows], "warnings": said})


def unpack_values(content: bytes) -> list[list[Scalar]]:
    values: list[list[Scalar]] = _unpacked(content)["values"]
    return values


def pack_carried(rows: Sequence[BatchRow]) -> bytes:
    """Return the carried cells of the rows, and their numbers in the source."""
    return _packed(
        {"cells": [row.carried for row in rows], "numbers": [row.number for row in rows]}
    )


def unpack_rows(content: bytes, carried: bytes) -> list[BatchRow]:
    """Return the rows as they were submitted."""
    inputs, beside = _unpacked(content), _unpacked(carried)
    return [
        BatchRow(
            tuple(values),
            tuple(inputs["warnings"].get(str(place), ())),
            tuple(beside["cells"][place]),
            beside["numbers"][place],
        )
        for place, values in enumerate(inputs["values"])
    ]


def pack_answers(parts: Sequence[Part]) -> bytes:
    return _packed(to_json(list(parts)))


def unpack_answers(content: bytes) -> dict[int, Outputs | RowFailure]:
    """Return the outcome of each row by its place in the chunk."""
    found: dict[int, Outputs | RowFailure] = {}
    for part in stored(tuple[Part, ...], _unpacked(content)):
        for row, outcome in part.answers.by_row().items():
            place = part.first + row
            if isinstance(outcome, RowFailure):
                outcome = replace(outcome, row=place)
            found[place] = outcome
    return found


def in_chunks(
    rows: Iterator[BatchRow], *, most_rows: int, most_bytes: int
) -> Iterator[list[BatchRow]]:
    """Yield the rows in lists of at most so many rows, with values of about so many characters."""
    chunk: list[BatchRow] = []
    size = 0
    for row in rows:
        length = sum(len(value) if isinstance(value, str) else 20 for value in row.values)
        if chunk and (len(chunk) >= most_rows or size + length > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += length
    if chunk:
        yield chunk


def _packed(content: Any) -> bytes:
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), LEVEL)


def _unpacked(content: bytes) -> Any:
    return json.loads(zlib.decompress(content))
