"""A version's model, ready to be asked: its file on this machine and the types approved for it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from config.errors import InfrastructureError
from flows.artifacts import artifact
from flows.errors import HandedBack, LeaseLost, NotAModel
from flows.host import limits_of, model_host
from flows.lease import Lease, leases
from model_host.client import ArtifactChanged, PredictionCancelled
from model_host.protocol.artifact import Artifact, Limits, LoadReport
from model_host.protocol.errors import HostError
from model_host.protocol.examination import Examination
from model_host.protocol.explanation import Curve, Explanation
from model_host.protocol.inputs import Column, InputLayout, Scalar
from model_host.protocol.outputs import Outputs
from model_host.protocol.trace import Traced
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, TypeApproval

FILE_IS_AWAY = (InfrastructureError, NotAModel, ArtifactChanged)
"""What ``opened`` and questions raise while the file cannot be had, or is another one."""

Inputs = dict[str, Scalar]


@dataclass(frozen=True)
class Model:
    """What the model host is asked about one version, within the limits of its model."""

    file: Artifact
    layout: InputLayout
    limits: Limits

    def predict(self, inputs: Inputs, **options: Any) -> Outputs:
        return model_host().predict(self.file, self.layout, inputs, self.limits, **options)

    def trace(self, inputs: Inputs, **options: Any) -> Traced:
        return model_host().trace(self.file, self.layout, inputs, self.limits, **options)

    def curve(self, inputs: Inputs, *, name: str, points: Sequence[Scalar]) -> Curve:
        return model_host().curve(
            self.file, self.layout, inputs, self.limits, name=name, points=points
        )

    def explain(self, inputs: Inputs, typical: Inputs, *, seed: int) -> Explanation:
        return model_host().explain(self.file, self.layout, inputs, typical, self.limits, seed=seed)

    def examine(self, *, names: list[str]) -> tuple[LoadReport, Examination]:
        return model_host().examine(self.file, self.limits, names=names)

    def warm(self) -> LoadReport:
        """Have a process hold the model open."""
        return model_host().warm(self.file, self.limits)


@contextmanager
def opened(version: ModelVersion, schema: InputSchema | None = None) -> Iterator[Model]:
    """The model of ``version``, asked in the inputs of ``schema``. Raises ArtifactMissing,
    ArtifactTampered or NotAModel, before anything of the file was opened."""
    approved = TypeApproval.objects.of(version.sha256)
    with artifact(version.sha256, approved=approved) as file:
        yield Model(file, layout(schema, version.container), limits_of(version.model))


def layout(schema: InputSchema | None, container: str) -> InputLayout:
    """How the inputs become what the model is called with."""
    columns = tuple(
        Column(feature.name, feature.kind, may_be_missing=feature.may_be_missing)
        for feature in (schema.features if schema else ())
    )
    return InputLayout(container, columns)  # type: ignore[arg-type]


@contextmanager
def given_back_if_lost(lease: Lease, give_back: Callable[..., bool]) -> Iterator[None]:
    """End an attempt that comes to nothing through no fault of the model: the row goes to its next
    attempt now rather than when the lease ends, by ``give_back(why=)``. Raises HandedBack then, and
    LeaseLost where another worker has the row."""
    try:
        yield
        return
    except PredictionCancelled:
        if not leases.are_ending:
            raise LeaseLost from None
        why = "The worker was stopped"
    except HostError as error:
        if not error.lost:
            raise
        why = error.message.rstrip(".")
    lease.write(partial(give_back, why=why))
    raise HandedBack(f"{why}; the next attempt takes over.")
