"""The table of a run, on the terminal and in `docs/reliability.md`."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from config.stack.environment import REPOSITORY
from tests.chaos.run import PER_SECOND, Outcome

DOCUMENT = REPOSITORY / "docs" / "reliability.md"
BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"
HEAD = (
    "crash point", "must", "forms a second", "accepted", "lost", "doubled", "wrong",
    "changed", "failed", "slowest, s", "recovered in, s", "load", "kept",
)  # fmt: skip


def cells(outcome: Outcome) -> tuple[str, ...]:
    told = outcome.verdict
    failed = ", ".join(f"{count} {code}" for code, count in sorted(told.failed.items())) or "0"
    return (
        outcome.name, outcome.must, f"{PER_SECOND:g}", str(told.accepted), str(told.lost),
        str(told.doubled), str(told.wrong), str(told.changed), failed,
        f"{told.slowest:.1f}", f"{told.recovered:.1f}",
        f"{outcome.load_average:.1f}", "yes" if outcome.is_kept else "**no**",
    )  # fmt: skip


def table(rows: Iterable[Sequence[str]]) -> str:
    """Return the rows as a Markdown table, each column as wide as its widest cell."""
    rows = [HEAD, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def remark(outcome: Outcome) -> str:
    """Return what was seen beside the figures, and what was not kept."""
    said = [*outcome.notes, *outcome.verdict.problems[:5]]
    if outcome.verdict.recovered > outcome.limit:
        said.append(f"recovered after its {outcome.limit:.0f} s")
    return f"- {outcome.name}: {'; '.join(said)}."


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{datetime.now(UTC):%d %B %Y}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"Linux {platform.release()}, Python {platform.python_version()}; "
        "“load” is the machine's load average when the row ended."
    )


def told(outcomes: Sequence[Outcome]) -> str:
    """Return all that a run has to say."""
    return "\n\n".join([machine(), table(map(cells, outcomes)), "\n".join(map(remark, outcomes))])


def write(outcomes: Sequence[Outcome], order: Sequence[str], file: Path = DOCUMENT) -> None:
    """Put the outcomes between the document's markers, in the place of what they repeat."""
    before, _, rest = file.read_text("utf-8").partition(BEGIN)
    old, _, after = rest.partition(END)
    rows = {}
    for line in old.splitlines():
        if line.startswith("| ") and not line.startswith(f"| {HEAD[0]} "):
            row = [cell.strip() for cell in line.strip("| ").split(" | ")]
            rows[row[0]] = row
    remarks = {line[2:].partition(":")[0]: line for line in old.splitlines() if line[:2] == "- "}
    for outcome in outcomes:
        rows[outcome.name], remarks[outcome.name] = [*cells(outcome)], remark(outcome)
    names = [name for name in order if name in rows]
    missing = [name for name in order if name not in rows]
    left_out = [f"Not run on this machine: {', '.join(missing)}."] if missing else []
    parts = [
        machine(),
        table(rows[name] for name in names),
        "\n".join(remarks[name] for name in names if name in remarks),
        *left_out,
    ]
    text = "\n\n".join(parts)
    file.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")
