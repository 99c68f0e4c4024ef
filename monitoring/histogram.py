"""How long things took, as counts in bins of a fixed relative width.

Pure. Bin n > 0 holds the times from SMALLEST × WIDTH^(n-1), exclusive, to SMALLEST × WIDTH^n
seconds, inclusive; bin 0 what is not longer than SMALLEST. A percentile is told as the geometric
middle of its bin, so it is off by at most √WIDTH, 1 % of the time (half of SMALLEST in bin 0).
Histograms of different days add up to that of all of them, which percentiles do not.
"""

import math
from collections.abc import Mapping

SMALLEST = 0.001
WIDTH = 1.02


def bin_of(seconds: float) -> int:
    """The bin of a time; `monitoring/cells.py` says the same in SQL."""
    if seconds <= SMALLEST:
        return 0
    return math.ceil(math.log(seconds / SMALLEST) / math.log(WIDTH))


def seconds_of(number: int) -> float:
    """What the times in a bin are told as."""
    return SMALLEST * WIDTH ** (number - 0.5) if number else SMALLEST / 2


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The smallest time that at least ``share`` of all times do not exceed (nearest rank), in
    seconds; None without any."""
    total = sum(counts.values())
    if not total:
        return None
    rank = max(1, math.ceil(share * total))
    for number in sorted(counts):
        rank -= counts[number]
        if rank <= 0:
            return seconds_of(number)
    raise AssertionError("a rank beyond the last")
