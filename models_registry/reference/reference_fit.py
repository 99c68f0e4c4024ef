"""The effect of a reference profile on a version's inputs, and the choice of rows to keep. Pure.

Only missing facts are filled in: a soft range, a typical value, and whether a number is whole. A
hard range is never set. No value of a sensitive input is kept: its cells are None in every row, its
frequent values are dropped, and it gets no typical value from here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models_registry.inputs.feature_spec import FeatureSpec, Kind, Scalar
from models_registry.inputs.number_text import as_float, is_whole
from models_registry.reference.reference_profile import (
    ColumnProfile,
    Profile,
    Reference,
    is_missing,
    number_of,
)
from models_registry.training.config_disagreements import names

SOURCE = "reference data"
_OVER = " over "
STAND_IN = "(first category)"
"""The suffix of the source of a substituted typical value."""
_YES, _NO = frozenset({"true", "yes", "1", "1.0"}), frozenset({"false", "no", "0", "0.0"})


def with_reference(features: Iterable[FeatureSpec], profile: Profile) -> tuple[FeatureSpec, ...]:
    """Return the inputs with the values of this profile; those of an earlier file are removed."""
    return tuple(
        _with_column(_forgotten(spec), profile.columns.get(spec.name), profile) for spec in features
    )


def without_reference(features: Iterable[FeatureSpec]) -> tuple[FeatureSpec, ...]:
    """Return the inputs without anything that came from reference data."""
    return tuple(map(_forgotten, features))


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
    return replace(
        profile,
        columns={
            name: replace(column, values=()) if name in hidden else column
            for name, column in profile.columns.items()
        },
    )


def without_columns(reference: Reference, hidden: Collection[str]) -> Reference:
    """Return the reference data without any single value of these columns."""
    columns = reference.profile.columns
    shown = {n: replace(c, values=()) if n in hidden else c for n, c in columns.items()}
    return replace(
        reference,
        profile=replace(reference.profile, columns=shown),
        rows=tuple(
            {name: "" if name in hidden else cell for name, cell in row.items()}
            for row in reference.rows
        ),
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


def _with_column(spec: FeatureSpec, column: ColumnProfile | None, profile: Profile) -> FeatureSpec:
    if column is None or not column.count or not spec.is_asked:
        return spec
    changes: dict[str, Any] = {}
    if spec.is_number and column.is_number:
        if spec.soft_minimum is None and spec.soft_maximum is None:
            changes |= {"soft_minimum": column.minimum, "soft_maximum": column.maximum}
        if _becomes_whole(spec, column):
            changes["kind"] = Kind.INTEGER
    typical = _typical(spec, column, profile)
    is_open = spec.typical is None or spec.sources.get("typical", "").endswith(STAND_IN)
    if typical is not None and is_open and not spec.is_sensitive:
        changes["typical"] = typical
    if "kind" in changes or spec.kind is Kind.INTEGER:
        value = changes.get("typical", spec.typical)
        if isinstance(value, float):
            changes["typical"] = round(value)
    changes = {field: v for field, v in changes.items() if spec.sources.get(field) != "admin"}
    told = {field: _source(spec.sources.get(field)) for field in changes}
    return replace(spec, **changes, sources={**spec.sources, **told})


def _source(before: str | None) -> str:
    """The source of a field; the previous source is appended, so that it can be restored."""
    return f"{SOURCE}{_OVER}{before}" if before else SOURCE


def _becomes_whole(spec: FeatureSpec, column: ColumnProfile) -> bool:
    is_open = spec.kind is Kind.FLOAT and spec.sources.get("kind") not in ("config", "admin")
    fits = not isinstance(spec.default, float) or spec.default.is_integer()
    return is_open and fits and column.is_whole


def _typical(spec: FeatureSpec, column: ColumnProfile, profile: Profile) -> Scalar:
    """The median of a number; for other kinds the most frequent value if it occurs twice."""
    if spec.is_number:
        return column.median if column.is_number else None
    if not column.values or column.values[0][1] < 2:
        return None
    return _typed(spec, column.values[0][0], profile.decimal_mark)


def _forgotten(spec: FeatureSpec) -> FeatureSpec:
    told = {field: text for field, text in spec.sources.items() if text.startswith(SOURCE)}
    if not told:
        return spec
    before = {field: text.partition(_OVER)[2] for field, text in told.items()}
    changes: dict[str, Any] = dict.fromkeys(told.keys() - {"kind"})
    if "kind" in told:
        changes["kind"] = Kind.FLOAT
    if before.get("typical", "").endswith(STAND_IN) and spec.choices:
        changes["typical"] = spec.choices[0][0]
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
