"""What the model host says about one prediction, as it is written: with the interval from reference
data, and about the inputs as people know them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeGuard

from executions.lifecycle import Failure
from flows.outcomes import Refused
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Interval, ManyOutputs, Outputs
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, ReferenceData
from models_registry.reference.conformal import LEVEL


def with_reference_interval(outputs: Outputs, version: ModelVersion) -> Outputs:
    """Return the outputs with value ± half-width, where one was calibrated for exactly this file.

    Residuals on rows that the model had not seen take precedence over the estimator's own standard
    deviation; without either there is no interval."""
    if outputs.task != "regression" or len(outputs.targets) != 1:
        return outputs
    return _with_interval(outputs, reference_halfwidth(version))


def reference_halfwidth(version: ModelVersion) -> float | None:
    return (
        ReferenceData.objects.filter(version=version, interval_sha256=version.sha256)
        .values_list("interval_halfwidth", flat=True)
        .first()
    )


def many_with_interval(many: ManyOutputs, halfwidth: float | None) -> ManyOutputs:
    """Return the answers with value ± half-width, as ``with_reference_interval`` does for one."""
    if halfwidth is None or many.task != "regression":
        return many
    targets = many.targets
    if len(targets) == 1:
        bounds = tuple(
            (value - halfwidth, value + halfwidth) if _is_number(value) else ()
            for value in targets[0].values
        )
        targets = (replace(targets[0], intervals=bounds, level=LEVEL, source="reference"),)
    singles = (replace(one, outputs=_with_interval(one.outputs, halfwidth)) for one in many.singles)
    return replace(many, targets=targets, singles=tuple(singles))


def _with_interval(outputs: Outputs, halfwidth: float | None) -> Outputs:
    if len(outputs.targets) != 1:
        return outputs
    value = outputs.targets[0].value
    if halfwidth is None or not _is_number(value):
        return outputs
    interval = Interval(value - halfwidth, value + halfwidth, level=LEVEL, source="reference")
    return replace(outputs, targets=(replace(outputs.targets[0], interval=interval),))


def _is_number(value: Scalar) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def lost_number(
    outputs: Outputs, schema: InputSchema, inputs: Mapping[str, Scalar]
) -> tuple[str, ...]:
    """Return the sentence on a number that became NaN or infinite inside the model, if there is
    one."""
    lost = outputs.lost
    feature = schema.by_name.get(lost.input) if lost is not None else None
    if lost is None or feature is None:
        return ()
    value = "" if feature.is_sensitive else f" = {feature.display(inputs[feature.name])}"
    place = f" in step {lost.step}" if lost.step else ""
    expected = f" ({lost.condition})" if lost.condition else ""
    sentence = f"{feature.label}{value} became {lost.became}{place}{expected}."
    return (f"{sentence} The model went on with that.",)


def failure_of(refused: Refused, schema: InputSchema) -> Failure:
    """Return the failure of an execution; the input that the host names is told by its label."""
    told = refused.told
    if told is None:
        return Failure(refused.code, refused.sentence, refused.traceback)
    feature = schema.by_name.get(told.input)
    sentence = f"{feature.label}: {refused.sentence}" if feature else refused.sentence
    return Failure(refused.code, sentence, refused.traceback, told.trace, told.step)
