"""The rows of a rehearsal, and what the model answers to each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from executions.errors import ERROR_LABELS
from executions.models import Execution
from flows.lease import Lease
from flows.opened import Inputs, Model
from model_host.protocol.errors import HostError
from model_host.protocol.outputs import Outputs
from models_registry.cases.case_check import differences, found_values
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ReferenceData, Rehearsal, TestCase
from models_registry.rehearsal_results import Answered, Beside, Failed, Given, RowResult, Skipped


def rows_of(
    rehearsal: Rehearsal, reference: ReferenceData | None, schema: InputSchema
) -> Iterator[Inputs | Skipped]:
    """Yield for each of ``of`` its inputs as the version takes them, or why there are none."""
    known = [feature.name for feature in schema.features]
    for raw in _raw_rows(rehearsal, reference):
        if raw is None:
            yield Skipped("It is gone.")
            continue
        cleaned = schema.clean({name: raw[name] for name in known if name in raw})
        if cleaned.is_valid:
            yield schema.read(cleaned.values)
        else:
            yield Skipped("Its inputs do not fit any more.")


def _raw_rows(
    rehearsal: Rehearsal, reference: ReferenceData | None
) -> Iterator[dict[str, Any] | None]:
    """The rows of the reference data, or the inputs of saved cases (a number in ``of``) and of
    executions, by name; None where gone."""
    if reference is not None:
        rows = reference.rows
        yield from (rows[number] if 0 <= number < len(rows) else None for number in rehearsal.of)
        return
    cases = dict(rehearsal.version.cases.values_list("pk", "inputs"))
    ids = [pk for pk in rehearsal.of if isinstance(pk, str)]
    kept = Execution.objects.kept().filter(pk__in=ids, inputs__isnull=False)
    inputs = dict(kept.values_list("pk", "inputs"))
    for pk in rehearsal.of:
        yield inputs.get(UUID(pk)) if isinstance(pk, str) else cases.get(pk)


def answer_of(model: Model, inputs: Inputs, lease: Lease) -> RowResult:
    """Return the model's answer to one row, or the class of its error: its own message may quote
    inputs. Raises HostError where the model could not be asked."""
    outputs = _asked(model, inputs, lease)
    return outputs if isinstance(outputs, Failed) else Answered(outputs.targets[0].value)


@dataclass(frozen=True)
class BothRuntimes:
    """A version's model in its own runtime and in another one, and its saved cases by key."""

    own: Model
    other: Model
    cases: Mapping[int, TestCase]

    def answer_of(self, of: str | int, inputs: Inputs, lease: Lease) -> Beside:
        """Return both answers to one row, ``of`` a case or an execution. Raises HostError where a
        model could not be asked."""
        own, other = (_asked(model, inputs, lease) for model in (self.own, self.other))
        case = self.cases.get(of) if isinstance(of, int) else None
        return Beside(_given(own, case), _given(other, case), _telling(own) == _telling(other))


def _asked(model: Model, inputs: Inputs, lease: Lease) -> Outputs | Failed:
    try:
        return model.predict(inputs, cancelled=lease.lost)
    except HostError as error:
        if not error.is_of_model:
            raise
        return Failed(ERROR_LABELS[error.code])


def _given(outputs: Outputs | Failed, case: TestCase | None) -> Given | Failed:
    if isinstance(outputs, Failed):
        return outputs
    return Given(
        tuple(found_values(outputs)),
        tuple(target.confidence for target in outputs.targets),
        passes=None if case is None else not differences(case.expected, outputs, case.tolerance),
    )


def _telling(outputs: Outputs | Failed) -> Outputs | Failed:
    """An answer without what may differ between two equal ones: its time and its notes."""
    if isinstance(outputs, Failed):
        return outputs
    return replace(outputs, seconds=0.0, warnings=(), notes=())
