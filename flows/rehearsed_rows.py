"""The rows of a rehearsal, and what the model answers to each."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from executions.errors import ERROR_LABELS
from executions.models import Execution
from flows.lease import Lease
from flows.opened import Inputs, Model
from model_host.protocol.errors import HostError
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ReferenceData, Rehearsal
from models_registry.rehearsal_results import Answered, Failed, RowResult, Skipped


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
    """The rows of the reference data or the inputs of the executions, by name; None where gone."""
    if reference is not None:
        rows = reference.rows
        yield from (rows[number] if 0 <= number < len(rows) else None for number in rehearsal.of)
        return
    kept = Execution.objects.kept().filter(pk__in=rehearsal.of, inputs__isnull=False)
    inputs = dict(kept.values_list("pk", "inputs"))
    yield from (inputs.get(UUID(pk)) for pk in rehearsal.of)


def answer_of(model: Model, inputs: Inputs, lease: Lease) -> RowResult:
    """Return the model's answer to one row, or the class of its error: its own message may quote
    inputs. Raises HostError where the model could not be asked."""
    try:
        outputs = model.predict(inputs, cancelled=lease.lost)
    except HostError as error:
        if not error.is_of_model:
            raise
        return Failed(ERROR_LABELS[error.code])
    return Answered(outputs.targets[0].value)
