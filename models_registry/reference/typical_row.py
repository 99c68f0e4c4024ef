"""The typical row of reference data: one whose values occur together. Pure.

The rule: of the kept rows that the inputs accept, the one nearest to the medians of numbers and the
modes of everything else, by Gower's distance for mixed columns (J. C. Gower, "A General Coefficient
of Similarity and Some of Its Properties", Biometrics 27, 1971). A number counts its distance from
the median as a share of the middle nine tenths, at most 1; anything else counts 0 or 1. This is the
medoid of one cluster (Kaufman and Rousseeuw, "Finding Groups in Data", 1990), found from the
profile's center instead of all pairs. A median and a mode of each column alone may be impossible
together: deck C with no known cabin.

An input that most rows have no value for is typically missing, where it may be. Where only the
profile is kept, no row may be shown: the modes then come from `Profile.combination`, and the
numbers are medians.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from models_registry.inputs.feature_spec import FeatureSpec, Kind, Scalar
from models_registry.inputs.input_check import InputError, clean_value
from models_registry.inputs.input_rules import RuleSpec

MOST_LETTERS = 200


def nearest_row(
    features: Sequence[FeatureSpec],
    rows: Sequence[Mapping[str, Scalar]],
    center: Mapping[str, Scalar],
    spreads: Mapping[str, float],
    rules: Sequence[RuleSpec],
    told: Collection[str] = (),
) -> dict[str, Scalar]:
    """Return the values of the row nearest to ``center``, without free texts; empty if no row is
    accepted. ``center`` may lack inputs; None says that most rows have no value there. ``spreads``
    are the widths that distances of numbers are shares of. Somebody set the center of the inputs
    ``told``, so they come before all others. The first of equally near rows is taken."""
    compared = [spec for spec in features if _is_compared(spec)]
    possible = [row for row in rows if _is_accepted(compared, row, rules)]
    if not possible or not compared:
        return {}
    pinned = [spec for spec in compared if spec.name in told]
    best = min(
        possible,
        key=lambda row: [_distance(some, row, center, spreads) for some in (pinned, compared)],
    )
    return {spec.name: best.get(spec.name) for spec in compared if spec.name in center}


def combination_of(
    names: Sequence[str], rows: Sequence[Mapping[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Return a value for each of these columns such that all of them occur together in a row: the
    most frequent first, then the most frequent among the rows that have it, and so on. A value that
    occurs once in its column, or is long, is left out, since it may belong to a single person."""
    counts = {name: Counter(row[name] for row in rows) for name in names}
    left = list(rows)
    chosen: list[tuple[str, str]] = []
    for name in sorted(names, key=lambda one: -counts[one].most_common(1)[0][1] if rows else 0):
        value = Counter(row[name] for row in left).most_common(1)[0][0] if left else ""
        if counts[name][value] > 1 and len(value) <= MOST_LETTERS:
            chosen.append((name, value))
            left = [row for row in left if row[name] == value]
    return tuple(chosen)


def _is_compared(spec: FeatureSpec) -> bool:
    return spec.is_asked and not spec.is_sensitive and spec.kind is not Kind.STRING


def _is_accepted(
    features: Sequence[FeatureSpec], row: Mapping[str, Scalar], rules: Sequence[RuleSpec]
) -> bool:
    """Whether every value fits its input and every rule is kept."""
    values = {spec.name: clean_value(spec, row.get(spec.name), ".") for spec in features}
    if any(isinstance(value, InputError) for value in values.values()):
        return False
    fit = {name: value for name, value in values.items() if not isinstance(value, InputError)}
    return all(rule.is_kept(fit) for rule in rules if {rule.first, rule.second} <= fit.keys())


def _distance(
    features: Sequence[FeatureSpec],
    row: Mapping[str, Scalar],
    center: Mapping[str, Scalar],
    spreads: Mapping[str, float],
) -> float:
    total = 0.0
    for spec in features:
        if spec.name not in center:
            continue
        value, middle = row.get(spec.name), center[spec.name]
        if spec.is_number and isinstance(value, int | float) and isinstance(middle, int | float):
            spread = spreads.get(spec.name) or 0.0
            apart = abs(value - middle)
            total += min(apart / spread, 1.0) if spread else float(apart > 0)
        else:
            total += value != middle
    return total
