"""What the model host says about one prediction, as it is written: with the interval from reference
data, and about the inputs as people know them."""

from collections.abc import Mapping
from dataclasses import replace

from executions.lifecycle import Failure
from flows.outcomes import Refused
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Interval, Outputs
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, ReferenceData
from models_registry.reference.conformal import LEVEL


def with_reference_interval(outputs: Outputs, version: ModelVersion) -> Outputs:
    """Return the outputs with value ± half-width, where one was calibrated for exactly this file.

    Residuals on rows that the model had not seen take precedence over the estimator's own standard
    deviation; without either there is no interval."""
    if outputs.task != "regression" or len(outputs.targets) != 1:
        return outputs
    halfwidth = (
        ReferenceData.objects.filter(version=version, interval_sha256=version.sha256)
        .values_list("interval_halfwidth", flat=True)
        .first()
    )
    value = outputs.targets[0].value
    if halfwidth is None or isinstance(value, bool) or not isinstance(value, int | float):
        return outputs
    interval = Interval(value - halfwidth, value + halfwidth, level=LEVEL, source="reference")
    return replace(outputs, targets=(replace(outputs.targets[0], interval=interval),))


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
