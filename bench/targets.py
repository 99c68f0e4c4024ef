"""The targets, one row per figure, and whether each was reached. Nothing is asserted on them."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench import report

MOST_READY_SECONDS = 20.0
MOST_MB = 1500.0
MOST_PAGE_MS = 100.0
Series = Mapping[str, Any]
Milliseconds = Mapping[str, Mapping[str, Sequence[float]]]
"""By size of the table and page."""


@dataclass(frozen=True)
class Row:
    """One figure; ``is_reached`` is None where it was not measured, or nothing is asked of it."""

    name: str
    target: str
    figure: str
    is_reached: bool | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def time_to_result(ours: Series, stock: Series) -> list[Row]:
    """Return the rows for one prediction at a time, ours and the stock worker's, from two
    series of `report.figures`."""
    p50, p95, finished = (_ms(ours, name) for name in ("row_p50", "row_p95", "finished_p50"))
    faster = _ms(stock, "row_p50") / p50
    figure = f"p50 {p50:,.0f} ms, p95 {p95:,.0f} ms"
    return [
        Row(
            "time to result, one at a time",
            "p50 ≤ 150 ms, p95 ≤ 400 ms",
            figure,
            p50 <= 150 and p95 <= 400,
        ),
        Row("beside the stock process worker", "≥ 60 times", f"{faster:.0f} times", faster >= 60),
        Row("finished in Prefect", "p50 ≤ 250 ms", f"p50 {finished:,.0f} ms", finished <= 250),
    ]


def throughput(at_once: int, most_seconds: float, told: Series) -> Row:
    per_second, p95, failed = told["per_second"], _ms(told, "row_p95") / 1000, told["failed"]
    return Row(
        f"throughput, {at_once} at once",
        f"≥ 10 a second, p95 ≤ {most_seconds:g} s, none failed",
        f"{per_second:.1f} a second, p95 {p95:.2f} s, {failed} failed",
        per_second >= 10 and p95 <= most_seconds and failed == 0,
    )


def first(name: str, first_ms: Sequence[float], warm_ms: Sequence[float]) -> Row:
    """Return the row of first predictions after something beside warm ones of the same minutes."""
    cold, warm = statistics.median(first_ms), statistics.median(warm_ms)
    worst = f"worst {max(first_ms):,.0f} ms of {len(first_ms)}"
    return Row(
        f"first prediction after {name}",
        "≤ 2 × a warm one",
        f"{cold:,.0f} ms ({worst}), warm {warm:,.0f} ms: {cold / warm:.1f} ×",
        cold <= 2 * warm,
    )


def ready(seconds: Sequence[float]) -> Row:
    return Row(
        "make run, where it ran before",
        f"ready ≤ {MOST_READY_SECONDS:.0f} s",
        f"{statistics.median(seconds):.1f} s (worst {max(seconds):.1f} s of {len(seconds)})",
        max(seconds) <= MOST_READY_SECONDS,
    )


def resident(name: str, pss_mb: float, rss_mb: float) -> Row:
    return Row(
        f"memory of the whole stack, {name}",
        "≤ 1.5 GB resident",
        f"PSS {pss_mb:,.0f} MB (sum of RSS {rss_mb:,.0f} MB)",
        pss_mb <= MOST_MB,
    )


def scrape(name: str, scrapes_ms: Sequence[float]) -> Row:
    return Row(f"/metrics, {name}", "–", f"{statistics.median(scrapes_ms):,.0f} ms")


def people(told: Mapping[str, Any]) -> Row:
    """Return the rows for a run of `bench.people`."""
    sums = told["sums"]
    wrong = sums["asked"] - sums["ends"].get("succeeded", 0)
    seen = f"{sums['seen_p50_seconds'] or 0:.2f} s, p95 {sums['seen_p95_seconds'] or 0:.2f} s"
    return Row(
        f"{told['people']} people for {told['seconds']} s",
        "no request failed, no prediction failed or lost",
        f"{sums['failed_requests']} of {sums['requests']:,} requests, {wrong} of {sums['asked']:,} "
        f"predictions; seen p50 {seen}",
        sums["is_whole"],
    )


def told_by_start(told_ms: Sequence[float | None]) -> Row:
    """Return the prediction that a start makes before it says ready."""
    known = [each for each in told_ms if each is not None]
    figure = f"{statistics.median(known):,.0f} ms" if known else "none was made"
    return Row("the prediction before make run says ready", "–", figure)


def many_rows(told: Mapping[str, Any] | None) -> list[Row]:
    """Return the rows of a run of `bench.batch`."""
    if told is None:
        target = "≥ 5,000 rows a second, 10,000 in ≤ 2 s"
        return [Row("many rows as one execution", target, "python -m bench.batch")]
    count, many = told["rows"], told["many"]
    totals, computing = (
        [one[key] for one in told["road_seconds"]] for key in ("total", "computing")
    )
    total, ours = statistics.median(totals), count / statistics.median(computing)
    form, call = (statistics.median(told["calls_ms"][name]) for name in ("form", "API"))
    thousand = statistics.median(told["thousand_ms"])
    idle, busy = (report.percentile(told["form_ms"][name], 0.95) for name in ("idle", "busy"))
    web = told["web_mb"]
    before = web["upload"][0]
    more = max(max(web["upload"]), max(web["download"])) - before
    return [
        Row(
            f"{count:,} rows from XLSX to a finished CSV",
            "≤ 2 s",
            f"{total:.2f} s (worst {max(totals):.2f} s of {len(totals)})",
            total <= 2,
        ),
        Row(
            f"batch of {count:,} rows as one execution",
            "≥ 5,000 rows a second",
            f"{ours:,.0f} a second",
            ours >= 5_000,
        ),
        _beside_mlflow(count, computing, told["mlflow_seconds"]),
        _beside_mlflow(many, told["many_computing_seconds"], told["mlflow_many_seconds"]),
        Row(
            "one API call beside the form",
            "p50 ≤ that of the form",
            f"{call:,.0f} ms beside {form:,.0f} ms: {call / form:.2f} ×",
            call <= form,
        ),
        Row("1,000 rows in one API call", "≤ 1 s", f"{thousand / 1000:.2f} s", thousand <= 1000),
        Row(
            f"the form while {many:,} rows run",
            "p95 ≤ 2 × idle",
            f"{busy:,.0f} ms of {len(told['form_ms']['busy'])}, idle {idle:,.0f} ms: "
            f"{busy / idle:.1f} ×",
            busy <= 2 * idle,
        ),
        Row(
            f"memory of the web with {many:,} rows",
            "≤ 50 MB more",
            f"PSS {before:,.0f} MB, {max(web['upload']):,.0f} at the upload, "
            f"{max(web['download']):,.0f} at the downloads",
            more <= 50,
        ),
        _two_workers(many, told["workers_seconds"]),
    ]


def _beside_mlflow(count: int, computing: Sequence[float], seconds: Sequence[float]) -> Row:
    name, target = f"{count:,} rows beside mlflow models serve", "≥ 0.8 × its rows a second"
    if not seconds:
        return Row(name, target, "make peers installs MLflow")
    ours, theirs = (count / statistics.median(each) for each in (computing, seconds))
    figure = f"{ours:,.0f} beside {theirs:,.0f} a second: {ours / theirs:.2f} ×"
    return Row(name, target, figure, ours >= 0.8 * theirs)


def processor(told: Mapping[str, Any] | None) -> list[Row]:
    """Return the rows of a run of `bench.processor`: the processor time of one prediction with its
    explanation beside that of MLflow's scorer, medians of the pairs' ratios."""
    names = ("one prediction's processor time", "without Prefect's part", "8 at once")
    most = (8.0, 4.5, None)
    limits = [f"≤ {each:g} × MLflow's" if each else "–" for each in most]
    if told is None or "MLflow" not in told["per_prediction_ms"]["1"]:
        return [
            Row(name, limit, "python -m bench.processor, after make peers")
            for name, limit in zip(names, limits, strict=True)
        ]
    alone, many = (told["per_prediction_ms"][at_once] for at_once in ("1", "8"))
    without = [a - b for a, b in zip(alone["all"], alone["prefect"], strict=True)]
    ours = (alone["all"], without, many["all"])
    theirs = (alone["MLflow"], alone["MLflow"], many["MLflow"])
    rows = []
    for name, limit, highest, mine, other in zip(names, limits, most, ours, theirs, strict=True):
        ratios = [a / b for a, b in zip(mine, other, strict=True)]
        ratio = statistics.median(ratios)
        figure = (
            f"{statistics.median(mine):.0f} ms beside {statistics.median(other):.0f} ms: "
            f"{ratio:.1f} × ({min(ratios):.1f} to {max(ratios):.1f})"
        )
        rows.append(Row(name, limit, figure, None if highest is None else ratio <= highest))
    return rows


def cores(told: Mapping[str, Any] | None) -> Row:
    """Return the row of a run of `bench.cores`: the median of the turns' ratios."""
    name, target = "two cores beside one, 8 at once", "≥ 1.7 × as many a second"
    if told is None:
        return Row(name, target, "python -m bench.cores")
    one, two = (told["per_second"][name] for name in ("one core", "two cores"))
    ratio = statistics.median(b / a for a, b in zip(one, two, strict=True))
    few, many = statistics.median(one), statistics.median(two)
    return Row(name, target, f"{many:.1f} beside {few:.1f} a second: {ratio:.2f} ×", ratio >= 1.7)


def _two_workers(many: int, seconds: Mapping[str, Sequence[float]]) -> Row:
    name, target = f"{many:,} rows by two workers", "≤ 0.65 of one worker's time"
    if not seconds:
        return Row(name, target, "python -m bench.batch --workers")
    one, two = (statistics.median(seconds[name]) for name in ("one", "two"))
    return Row(name, target, f"{two:.1f} s beside {one:.1f} s: {two / one:.2f}", two <= 0.65 * one)


def pages(milliseconds: Milliseconds | None) -> Row:
    """Return the row of server time in a small and in a full table, as `bench.pages` wrote it."""
    name, target = "history, dashboard, log pages", "p95 ≤ 100 ms at 10,000, ≤ 1.5 × at 1,000,000"
    if milliseconds is None:
        return Row(name, target, "python -m bench.pages")
    few, many = milliseconds.values()
    small = {page: _p95(taken) for page, taken in few.items()}
    grown = {page: _p95(taken) / small[page] for page, taken in many.items()}
    slowest, most = max(small, key=small.__getitem__), max(grown, key=grown.__getitem__)
    return Row(
        name,
        target,
        f"{small[slowest]:,.0f} ms ({slowest}), {grown[most]:.1f} × ({most})",
        small[slowest] <= MOST_PAGE_MS and grown[most] <= 1.5,
    )


def _ms(told: Series, name: str) -> float:
    """Return a time of a series; infinite if the series has none."""
    value = told[f"{name}_ms"]
    return float("inf") if value is None else float(value)


def _p95(taken: Sequence[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def weight(weights: Sequence[Mapping[str, Any]] | None) -> Row:
    """Return the row of pages on a slow network, as `bench.weight` wrote them."""
    target = "≤ 120 KB (160 with a chart), usable ≤ 1.5 s, no jump"
    if weights is None:
        return Row("any page on Slow 4G", target, "python -m bench.weight")
    plain = max(one["kb"] for one in weights if not one["has_chart"])
    charts = max((one["kb"] for one in weights if one["has_chart"]), default=0.0)
    usable = max(one["usable"] for one in weights)
    shift = max(one["shift"] for one in weights)
    return Row(
        "any page on Slow 4G",
        target,
        f"≤ {plain:.0f} KB ({charts:.0f}), usable ≤ {usable:.2f} s, shift {shift:.3f}",
        all(one["is_within"] for one in weights),
    )


def table(rows: Sequence[Row]) -> str:
    """Return one line a row, "yes" or "no" at its end."""
    said = {True: "yes", False: "no", None: "–"}
    lines = [("", "to reach", "measured", "reached")]
    lines += [(row.name, row.target, row.figure, said[row.is_reached]) for row in rows]
    return report.aligned(lines)
