"""Histograms of durations, as counts in bins of a fixed relative width.

Pure; `monitoring/dashboard/cells.py` counts them in SQL. Bin n > 0 holds the times from
SMALLEST × WIDTH^(n-1), exclusive, to SMALLEST × WIDTH^n seconds, inclusive; bin 0 what is not
longer than SMALLEST. A percentile is told as the geometric
middle of its bin, so it is off by at most √WIDTH, 1 % of the time (half of SMALLEST in bin 0).
Histograms of different days add up to that of all of them, which percentiles do not.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

SMALLEST = 0.001
WIDTH = 1.02


def seconds_of(number: int) -> float:
    """Return the seconds that stand for the times in a bin."""
    return SMALLEST * WIDTH ** (number - 0.5) if number else SMALLEST / 2


def dense(counts: Mapping[int, int]) -> list[int]:
    """Convert counts by bin to a list from bin 0 to the last one that has any: lists add up
    fast."""
    return [counts.get(number, 0) for number in range(max(counts, default=-1) + 1)]


def added(histograms: Iterable[Sequence[int]]) -> list[int]:
    """Add up the histograms."""
    return [sum(counts) for counts in zip_longest(*histograms, fillvalue=0)]


def percentile(histogram: Sequence[int], share: float) -> float | None:
    """Return the smallest time that at least ``share`` of all times do not exceed (nearest rank),
    in seconds; None without any."""
    total = sum(histogram)
    if not total:
        return None
    rank = max(1, math.ceil(share * total))
    for number, count in enumerate(histogram):
        rank -= count
        if rank <= 0:
            return seconds_of(number)
    raise AssertionError("a rank beyond the last")
