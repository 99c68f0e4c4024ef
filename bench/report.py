"""The report: figures from samples, one table, and one JSON file with every sample."""

import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.prediction.round_trip import Sample


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share lies, by the nearest rank; NaN for no values."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else float("nan")


def figures(samples: list[Sample]) -> dict[str, Any]:
    """Return what one series came to, in milliseconds."""
    rows = [sample.row_ms for sample in samples if sample.row_ms is not None]
    finished = [sample.finished_ms for sample in samples if sample.finished_ms is not None]
    runs = [
        sample.row_ms - sample.claimed_ms
        for sample in samples
        if sample.row_ms is not None and sample.claimed_ms is not None
    ]
    return {
        "executions": len(samples),
        "failed": sum(sample.status != "succeeded" for sample in samples),
        "row_p50_ms": round(statistics.median(rows), 1) if rows else None,
        "row_p95_ms": round(percentile(rows, 0.95), 1) if rows else None,
        "finished_p50_ms": round(statistics.median(finished), 1) if finished else None,
        "after_claim_p50_ms": round(statistics.median(runs), 1) if runs else None,
    }


def machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "prefect": version("prefect"),
        "scikit-learn": version("scikit-learn"),
    }


def table(series: dict[str, dict[str, Any]]) -> str:
    """Return one line for each series."""
    lines = [["", "n", "failed", "row p50", "row p95", "finished p50", "per second"]]
    for name, told in series.items():
        times = (told["row_p50_ms"], told["row_p95_ms"], told["finished_p50_ms"])
        shown = ["–" if each is None else f"{each:,.0f} ms" for each in times]
        rate = f"{told['per_second']:.1f}" if "per_second" in told else ""
        lines.append([name, str(told["executions"]), str(told["failed"]), *shown, rate])
    return aligned(lines, str.rjust)


def aligned(lines: Sequence[Sequence[str]], align: Callable[[str, int], str] = str.ljust) -> str:
    """Return the lines with their columns aligned, the first one to the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(align, line[1:], widths[1:])]).rstrip()
        for line in lines
    )


def write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1) + "\n")
