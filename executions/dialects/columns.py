"""The answers to some rows as columns, each with a name and a datatype. Pure.

Of a model with one output: ``prediction``; ``label`` for a class; ``probability.<class>``, one for
each class; ``interval_low`` and ``interval_high``. Of a model with several: the same, each followed
by a point and the output's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs, TargetOutput
from models_registry.inputs.feature_spec import FeatureSpec, Kind, choice_text
from models_registry.models import Target

Datatype = Literal["BOOL", "INT64", "FP64", "BYTES"]
MOST_WHOLE = 2**63


@dataclass(frozen=True)
class Column:
    """One value for each row; None where a row has none. Texts are BYTES."""

    name: str
    datatype: Datatype
    values: tuple[Scalar, ...]


def columns_of(answers: Sequence[Outputs], targets: Sequence[Target]) -> list[Column]:
    """Return the answers to rows of one model as columns. A column that no row has a value for is
    left out."""
    columns: list[Column] = []
    count = max((len(answer.targets) for answer in answers), default=0)
    is_number = any(answer.task == "regression" for answer in answers)
    for place in range(count):
        outputs = [answer.targets[place] for answer in answers]
        target = targets[place] if place < len(targets) else Target(name=outputs[0].name)
        end = f".{outputs[0].name or place + 1}" if count > 1 else ""
        columns.append(_column(f"prediction{end}", [one.text or one.value for one in outputs]))
        if is_number:
            columns[-1] = _as_floats(columns[-1])
        elif target.class_labels:
            labels = [one.text or target.label_of(one.value) for one in outputs]
            columns.append(_column(f"label{end}", labels))
        columns += _probabilities(end, outputs)
        intervals = [one.interval for one in outputs]
        if any(intervals):
            low = [one.low if one else None for one in intervals]
            high = [one.high if one else None for one in intervals]
            columns.append(_column(f"interval_low{end}", low))
            columns.append(_column(f"interval_high{end}", high))
    return columns


def expected_columns(task: str, targets: Sequence[Target]) -> list[Column]:
    """Return the columns that every answer of a model has, without values, for a model whose answer
    to an example is not known yet."""
    columns: list[Column] = []
    for place, target in enumerate(targets):
        end = f".{target.name or place + 1}" if len(targets) > 1 else ""
        classes = [value for value, _ in target.class_labels]
        datatype = _datatype(classes) if classes else "FP64" if task == "regression" else "BYTES"
        columns.append(Column(f"prediction{end}", datatype, ()))
        if classes and task != "regression":
            columns.append(Column(f"label{end}", "BYTES", ()))
    return columns


def _probabilities(end: str, outputs: Sequence[TargetOutput]) -> list[Column]:
    """A column for each class, in the model's order."""
    by_row = [{one.value: one.probability for one in output.probabilities} for output in outputs]
    classes = dict.fromkeys(value for row in by_row for value in row)
    return [
        _column(f"probability{end}.{choice_text(value)}", [row.get(value) for row in by_row])
        for value in classes
    ]


def _column(name: str, values: Sequence[Scalar]) -> Column:
    datatype = _datatype(values)
    if datatype == "BYTES":
        values = [None if one is None else one if isinstance(one, str) else choice_text(one)
                  for one in values]  # fmt: skip
    return Column(name, datatype, tuple(values))


def _as_floats(column: Column) -> Column:
    """A regressor's whole numbers are numbers like its others."""
    if column.datatype != "INT64":
        return column
    return Column(column.name, "FP64", tuple(float(one or 0) for one in column.values))


def _datatype(values: Sequence[Scalar]) -> Datatype:
    """The datatype that holds all of the values without a loss."""
    if all(isinstance(one, bool) for one in values):
        return "BOOL"
    if any(isinstance(one, bool | str) for one in values):
        return "BYTES"
    if all(isinstance(one, int) and -MOST_WHOLE <= one < MOST_WHOLE for one in values):
        return "INT64"
    return "FP64" if all(one is None or isinstance(one, float) for one in values) else "BYTES"


def datatype_of(feature: FeatureSpec) -> Datatype:
    """Return the datatype in which the values of an input are sent."""
    if feature.kind is Kind.CHOICE and feature.choices:
        return _datatype([value for value, _ in feature.choices])
    kinds: dict[Kind, Datatype] = {
        Kind.INTEGER: "INT64", Kind.FLOAT: "FP64", Kind.BOOLEAN: "BOOL"
    }  # fmt: skip
    return kinds.get(feature.kind, "BYTES")
