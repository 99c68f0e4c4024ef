"""The effect of a reference profile on a version's inputs, and the choice of rows to keep. Pure.

Only missing facts are filled in: a soft range, and whether a number is whole. A hard range is never
set. The typical values become those of a row that occurs (`typical_row.py`), instead of the file's
own, which are the means of single columns; what the training configuration or a person said stays.
No value of a sensitive input is kept: its cells are None in every row, its frequent values are
dropped, and it gets no typical value from here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from models_registry.inputs.feature_spec import FeatureSpec, Kind, Scalar, same_value
from models_registry.inputs.input_rules import RuleSpec
from models_registry.inputs.number_text import as_float, is_whole
from models_registry.reference.reference_profile import (
    ColumnProfile,
    Profile,
    Reference,
    is_missing,
    number_of,
)
from models_registry.reference.typical_row import nearest_row
from models_registry.training.config_disagreements import names

SOURCE = "reference data"
_OVER = " over "
TOLD = ("config", "admin")
"""The sources of what somebody said."""
_YES, _NO = frozenset({"true", "yes", "1", "1.0"}), frozenset({"false", "no", "0", "0.0"})


def with_reference(
    features: Iterable[FeatureSpec],
    profile: Profile,
    *,
    rows: Iterable[Mapping[str, Any]] = (),
    rules: Sequence[RuleSpec] = (),
    fitted: Mapping[str, Scalar] = MappingProxyType({}),
) -> tuple[FeatureSpec, ...]:
    """Return the inputs with the values of this profile and of the typical one of its ``rows``;
    those of an earlier file are removed. ``fitted``: the typical values of the model's file, which
    come back where the reference data has none."""
    columns = profile.columns
    filled = [
        _with_column(one, columns.get(one.name))
        for one in (_forgotten(spec, fitted) for spec in features)
    ]
    typical = typical_of(filled, profile, fitted_rows(filled, rows, profile), rules)
    return tuple(
        _with_typical(spec, typical[spec.name]) if spec.name in typical else spec for spec in filled
    )


def without_reference(
    features: Iterable[FeatureSpec], fitted: Mapping[str, Scalar] = MappingProxyType({})
) -> tuple[FeatureSpec, ...]:
    """Return the inputs without anything that came from reference data, with the ``fitted`` typical
    values of the model's file."""
    return tuple(_forgotten(spec, fitted) for spec in features)


def typical_of(
    features: Sequence[FeatureSpec],
    profile: Profile,
    rows: Sequence[Mapping[str, Scalar]],
    rules: Sequence[RuleSpec] = (),
) -> dict[str, Scalar]:
    """Return typical values by input that occur together: those of the typical one of ``rows``,
    which have the types of the inputs; without rows, the frequent combination and the medians. None
    where an input is typically missing."""
    combined, center = dict(profile.combination), dict[str, Scalar]()
    for spec in features:
        column = profile.columns.get(spec.name)
        if column is None or not column.count or not spec.is_asked or spec.is_sensitive:
            continue
        value = _typical(spec, column, profile, combined.get(spec.name))
        if value is not None or spec.may_be_missing:
            center[spec.name] = value
    told = {spec.name: spec.typical for spec in features if spec.sources.get("typical") in TOLD}
    widths = {name: column.width for name, column in profile.columns.items()}
    return center | nearest_row(features, rows, center | told, widths, rules, told)


def fitted_rows(
    features: Sequence[FeatureSpec], rows: Iterable[Mapping[str, Any]], profile: Profile
) -> list[dict[str, Scalar]]:
    """Return rows as inputs by name in the types of their kinds; None for missing, for what does
    not fit, and for everything sensitive. Columns that are no inputs go."""
    return [
        {
            spec.name: None
            if spec.is_sensitive
            else _typed(spec, row.get(spec.name), profile.decimal_mark)
            for spec in features
        }
        for row in rows
    ]


def concealed(features: Iterable[FeatureSpec], profile: Profile) -> Profile:
    """Return the profile without the values of sensitive inputs; counts and quantiles stay."""
    hidden = {spec.name for spec in features if spec.is_sensitive}
    return _without(profile, hidden)


def without_columns(reference: Reference, hidden: Collection[str]) -> Reference:
    """Return the reference data without any single value of these columns."""
    return replace(
        reference,
        profile=_without(reference.profile, hidden),
        rows=tuple(
            {name: "" if name in hidden else cell for name, cell in row.items()}
            for row in reference.rows
        ),
    )


def _without(profile: Profile, hidden: Collection[str]) -> Profile:
    columns = profile.columns
    return replace(
        profile,
        columns={n: replace(c, values=()) if n in hidden else c for n, c in columns.items()},
        combination=tuple(pair for pair in profile.combination if pair[0] not in hidden),
    )


def outcomes(rows: Iterable[Mapping[str, Any]], profile: Profile) -> list[Scalar]:
    """Return the target column of each row: a number where the whole column is numbers, else
    text."""
    column = profile.columns.get(profile.target)
    if column is None:
        return []
    cells = [str(row[profile.target]) for row in rows]
    if column.is_number:
        return [number_of(cell, profile.decimal_mark) for cell in cells]
    return [None if is_missing(cell) else cell for cell in cells]


def remarks(features: Sequence[FeatureSpec], profile: Profile) -> list[str]:
    """Return the mismatches between the file and the inputs, a sentence each."""
    known = {spec.name for spec in features} | {profile.target}
    strange = [name for name in profile.columns if name not in known]
    missing = [spec.name for spec in features if spec.name not in profile.columns]
    sentences = []
    if strange:
        sentences.append(f"Not used, since the model has no such inputs: {names(strange)}.")
    if missing:
        sentences.append(f"Inputs that the file says nothing about: {names(missing)}.")
    for spec in features:
        column = profile.columns.get(spec.name)
        if column is None or not column.count:
            continue
        if spec.is_number and not column.is_number:
            sentences.append(
                f"“{spec.name}” is a number, but its column holds texts, so it gives no range."
            )
        if spec.kind is Kind.CHOICE and not spec.is_sensitive:
            foreign = [v for v, _ in column.values if _typed(spec, v, profile.decimal_mark) is None]
            if foreign:
                sentences.append(
                    f"“{spec.name}” has values that are not choices of the model: {names(foreign)}."
                )
    return sentences


def _with_column(spec: FeatureSpec, column: ColumnProfile | None) -> FeatureSpec:
    if column is None or not column.count or not spec.is_asked:
        return spec
    changes: dict[str, Any] = {}
    if spec.is_number and column.is_number:
        if spec.soft_minimum is None and spec.soft_maximum is None:
            changes |= {"soft_minimum": column.minimum, "soft_maximum": column.maximum}
        if _becomes_whole(spec, column):
            changes["kind"] = Kind.INTEGER
            if isinstance(spec.typical, float):
                changes["typical"] = round(spec.typical)
    filled = spec.filler
    if filled is not None and any(_typed_choice(spec, v, filled) for v, _ in column.values):
        changes["imputed"] = filled
    return _changed(spec, changes)


def _typed_choice(spec: FeatureSpec, cell: str, value: Scalar) -> bool:
    """Whether a cell of the file is this choice."""
    return same_value(spec.index.found(cell), value)


def _with_typical(spec: FeatureSpec, typical: Scalar) -> FeatureSpec:
    if spec.sources.get("typical") in TOLD or (typical is None and spec.typical is None):
        return spec
    if spec.kind is Kind.INTEGER and isinstance(typical, float):
        typical = round(typical)
    return _changed(spec, {"typical": typical})


def _changed(spec: FeatureSpec, changes: dict[str, Any]) -> FeatureSpec:
    changes = {field: v for field, v in changes.items() if spec.sources.get(field) != "admin"}
    told = {field: _source(spec.sources.get(field)) for field in changes}
    return replace(spec, **changes, sources={**spec.sources, **told})


def _source(before: str | None) -> str:
    """The source of a field; the previous source is appended, so that it can be restored."""
    if before and before.startswith(SOURCE):
        return before
    return f"{SOURCE}{_OVER}{before}" if before else SOURCE


def _becomes_whole(spec: FeatureSpec, column: ColumnProfile) -> bool:
    is_open = spec.kind is Kind.FLOAT and spec.sources.get("kind") not in ("config", "admin")
    fits = not isinstance(spec.default, float) or spec.default.is_integer()
    return is_open and fits and column.is_whole


def _typical(
    spec: FeatureSpec, column: ColumnProfile, profile: Profile, combined: str | None
) -> Scalar:
    """The median of a number; for other kinds the value of the frequent combination, else the most
    frequent one if it occurs twice. None where more rows have no value, or there is none."""
    if spec.is_number:
        is_rare = column.missing > column.count and spec.may_be_missing
        return column.median if column.is_number and not is_rare else None
    if combined is not None and spec.kind is not Kind.STRING:
        value = _typed(spec, combined, profile.decimal_mark)
        if value is not None or spec.may_be_missing:
            return value
    if column.values and column.missing > column.values[0][1] and spec.may_be_missing:
        return None
    if not column.values or column.values[0][1] < 2:
        return None
    return _typed(spec, column.values[0][0], profile.decimal_mark)


def _forgotten(spec: FeatureSpec, fitted: Mapping[str, Scalar]) -> FeatureSpec:
    told = {field: text for field, text in spec.sources.items() if text.startswith(SOURCE)}
    if not told:
        return spec
    before = {field: text.partition(_OVER)[2] for field, text in told.items()}
    changes: dict[str, Any] = dict.fromkeys(told.keys() - {"kind", "imputed"})
    if "kind" in told:
        changes["kind"] = Kind.FLOAT
    if before.get("typical"):
        first = spec.choices[0][0] if spec.choices else None
        changes["typical"] = fitted.get(spec.name, first)
    sources = {**spec.sources, **before}
    return replace(spec, **changes, sources={name: text for name, text in sources.items() if text})


def _typed(spec: FeatureSpec, cell: Any, mark: str) -> Scalar:
    if cell is None or (is_missing(str(cell)) and str(cell) not in spec.index):
        return None
    if spec.is_number:
        number = number_of(cell, mark) if isinstance(cell, str) else cell
        if number is None or (spec.kind is Kind.INTEGER and not is_whole(number)):
            return None
        return int(number) if spec.kind is Kind.INTEGER else as_float(number)
    text = str(cell).strip()
    if spec.kind is Kind.BOOLEAN:
        return True if text.lower() in _YES else False if text.lower() in _NO else None
    if spec.kind is Kind.CHOICE:
        return _choice(spec, str(cell), mark)
    return str(cell)[: spec.longest_text]


def _choice(spec: FeatureSpec, cell: str, mark: str) -> Scalar:
    """The choice that a cell of the file stands for, in the spelling of training."""
    if cell in spec.index:
        return cell
    number = number_of(cell, mark)
    if number is not None and number in spec.index:
        return spec.index.known(number)
    return spec.index.found(cell)
