"""The 90 % interval from reference data, which replaces the model's own.

Residuals on rows that the model had not seen take precedence over the estimator's own standard
deviation; without either there is no interval.
"""

from dataclasses import replace

from model_host.protocol.outputs import Interval, Outputs
from models_registry.models import ModelVersion, ReferenceData
from models_registry.reference.conformal import LEVEL


def with_reference_interval(outputs: Outputs, version: ModelVersion) -> Outputs:
    """Return the outputs with value ± half-width, where one was calibrated for exactly this
    file."""
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
