"""The half-width of a 90 % interval from residuals on rows that the model had not seen. Pure.

Split conformal prediction: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, "Distribution-free
predictive inference for regression", JASA 113 (2018), section 2.2.
"""

import math
from collections.abc import Iterable

LEVEL = 0.9
FEWEST = 20
"""The minimum number of residuals for a meaningful quantile."""


def halfwidth(residuals: Iterable[float]) -> float | None:
    """Return the ceil((n + 1) · 0.9)-th smallest of the n absolute residuals; None where fewer than
    20."""
    sizes = sorted(abs(residual) for residual in residuals if math.isfinite(residual))
    if len(sizes) < FEWEST:
        return None
    # In whole numbers: (n + 1) * 0.9 in floats may pass a whole number by a hair.
    return sizes[-(-(len(sizes) + 1) * 9 // 10) - 1]
