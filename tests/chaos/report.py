"""The table of a run, on the terminal and in `docs/reliability.md`."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from config.stack.environment import REPOSITORY
from tests.chaos.run import Outcome

DOCUMENT = REPOSITORY / "docs" / "reliability.md"
BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"
HEAD = (
    "crash point", "must", "accepted", "lost", "doubled", "wrong", "changed", "failed",
    "slowest, s", "recovered in, s", "load", "kept",
)  # fmt: skip


def cells(outcome: Outcome) -> tuple[str, ...]:
    told = outcome.verdict
    failed = ", ".join(f"{count} {code}" for code, count in sorted(told.failed.items())) or "0"
    return (
        outcome.name, outcome.must, str(told.accepted), str(told.lost), str(told.doubled),
        str(told.wrong), str(told.changed), failed, f"{told.slowest:.1f}", f"{told.recovered:.1f}",
        f"{outcome.load_average:.1f}", "yes" if outcome.is_kept else "**no**",
    )  # fmt: skip


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table, each column as wide as its widest cell."""
    rows = [HEAD, *(cells(outcome) for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def remarks(outcomes: Sequence[Outcome]) -> str:
    """What was seen beside the figures, and what was not kept."""
    lines = []
    for outcome in outcomes:
        said = [*outcome.notes, *outcome.verdict.problems[:5]]
        if outcome.verdict.recovered > outcome.limit:
            said.append(f"recovered after its {outcome.limit:.0f} s")
        if said:
            lines.append(f"- {outcome.name}: {'; '.join(said)}.")
    return "\n".join(lines)


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{datetime.now(UTC):%d %B %Y}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"Linux {platform.release()}, Python {platform.python_version()}; 5 submissions a second; "
        "“load” is the machine's load average when the row ended (others used it, too)."
    )


def write(outcomes: Sequence[Outcome], not_run: Sequence[str], file: Path = DOCUMENT) -> None:
    """Put the run between the document's markers."""
    text = file.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    left_out = [f"Not run on this machine: {', '.join(not_run)}."] if not_run else []
    told = "\n\n".join([machine(), table(outcomes), remarks(outcomes), *left_out])
    file.write_text(f"{before}{BEGIN}\n{told}\n{END}{after}", "utf-8")
