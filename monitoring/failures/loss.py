"""The value that a step of the model lost, since it became infinite or NaN: what the pages of a
failure say of it, and the bound of its input that would refuse it."""

from dataclasses import dataclass

from executions.models import Execution
from executions.results.answer import input_text
from executions.trials.trace_details import LOST, cause_in, step_name
from model_host.protocol.trace import StepTrace
from models_registry.inputs.bounds import Bound, bound_against
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.input_schema import InputSchema, read_value

MOST_NAMED = 3


@dataclass(frozen=True)
class Loss:
    """What became of which value: ``sentence`` is "Visitors = 0 became −∞ in step log." ``feature``
    is its input, None where it was made of several; ``bound`` refuses the value, None where none is
    known."""

    sentence: str
    feature: FeatureSpec | None = None
    bound: Bound | None = None

    @property
    def act(self) -> str:
        """ "Set minimum 1"."""
        return f"Set {self.bound.words}" if self.bound else ""


def loss_of(execution: Execution, replay: Execution | None = None) -> Loss | None:
    """Return what the trace of ``execution`` or of its replay proves, else what the model's own
    refusal of an input says; None where neither names a value. Requires the version's features.
    Values of sensitive inputs are never told."""
    traced = replay or execution
    trace = traced.read_trace()
    cause = cause_in(trace) if trace else None
    by_name = {feature.name: feature.spec for feature in execution.version.features.all()}
    if cause is not None and cause.lost:
        return _proved(execution, cause, by_name)
    return _told(execution)


def latest_replay(execution: Execution) -> Execution | None:
    """Return the last replay on the same version that has ended."""
    replays = execution.replays.filter(
        purpose=Execution.Purpose.REPLAY, version=execution.version_id, purged_at=None
    )
    return replays.finished().first()


def _proved(execution: Execution, cause: StepTrace, by_name: dict[str, FeatureSpec]) -> Loss | None:
    lost = cause.lost[0]
    features = [by_name[name] for name in lost.inputs if name in by_name]
    if any(feature.is_sensitive for feature in features):
        return None
    became = LOST.get(lost.value, lost.value)
    where = f"in step {step_name(cause)}" if cause.path else "in the model itself"
    if len(features) == 1:
        (feature,) = features
        return Loss(
            f"{_given(execution, feature)} became {became} {where}.",
            feature,
            _bound(execution, feature),
        )
    given = [_given(execution, feature) for feature in features[:MOST_NAMED]]
    if not given or len(features) > MOST_NAMED:
        return Loss(f"A number became {became} {where}.")
    return Loss(f"{', '.join(given[:-1])} and {given[-1]} became {became} {where}.")


def _told(execution: Execution) -> Loss | None:
    """What the model said of an input that it could not use."""
    if execution.error_code != "INPUT":
        return None
    schema = InputSchema(tuple(feature.spec for feature in execution.version.features.all()))
    for feature in schema.asked:
        label = f"{feature.label}: "
        if execution.message.startswith(label) and not feature.is_sensitive:
            reason = execution.message.removeprefix(label).rstrip(".")
            bound = _bound(execution, feature)
            return Loss(f"{_given(execution, feature)}: {reason}.", feature, bound)
    return None


def _given(execution: Execution, feature: FeatureSpec) -> str:
    value = read_value(feature, (execution.inputs or {}).get(feature.name))
    return f"{feature.label} = {input_text(feature, value)}"


def _bound(execution: Execution, feature: FeatureSpec) -> Bound | None:
    value = read_value(feature, (execution.inputs or {}).get(feature.name))
    return bound_against(feature, value, " ".join([execution.message, *execution.warnings]))
