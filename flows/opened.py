"""A version's model, ready to be asked: its file on this machine and the types approved for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from flows.artifacts import artifact
from flows.errors import ArtifactTampered
from flows.host import limits_of, model_host
from model_host.client import ModelHost
from model_host.protocol.artifact import Artifact, Limits, LoadReport
from model_host.protocol.examination import Examination
from model_host.protocol.explanation import Curve, Explanation
from model_host.protocol.inputs import Column, InputLayout, Scalar
from model_host.protocol.outputs import ManyOutputs, Outputs
from model_host.protocol.trace import Traced
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, TypeApproval
from models_registry.store.integrity import mark_altered

Inputs = dict[str, Scalar]


@dataclass(frozen=True)
class Model:
    """What the model host of ``runtime`` is asked about one version, within the limits of its
    model."""

    file: Artifact
    layout: InputLayout
    limits: Limits
    runtime: str = ""

    @property
    def _host(self) -> ModelHost:
        return model_host(self.runtime)

    def asked_in(self, schema: InputSchema, container: str) -> "Model":
        """Return the same model, asked in other inputs."""
        return replace(self, layout=layout(schema, container))

    def served_by(self, runtime: str) -> "Model":
        """Return the same model, opened by another runtime."""
        return replace(self, runtime=runtime)

    def predict(self, inputs: Inputs, **options: Any) -> Outputs:
        return self._host.predict(self.file, self.layout, inputs, self.limits, **options)

    def predict_many(self, rows: Sequence[Sequence[Scalar]], **options: Any) -> ManyOutputs:
        return self._host.predict_many(self.file, self.layout, rows, self.limits, **options)

    def trace(self, inputs: Inputs, **options: Any) -> Traced:
        return self._host.trace(self.file, self.layout, inputs, self.limits, **options)

    def curve(self, inputs: Inputs, *, name: str, points: Sequence[Scalar]) -> Curve:
        return self._host.curve(
            self.file, self.layout, inputs, self.limits, name=name, points=points
        )

    def explain(self, inputs: Inputs, typical: Inputs, *, seed: int) -> Explanation:
        return self._host.explain(self.file, self.layout, inputs, typical, self.limits, seed=seed)

    def examine(self, *, names: list[str], named_by: str = "") -> tuple[LoadReport, Examination]:
        return self._host.examine(self.file, self.limits, names=names, named_by=named_by)

    def saved_with(self) -> str:
        """Return the version of scikit-learn that the file says it was saved with, "" without."""
        return self._host.origin(self.file, self.limits).scikit_learn

    @property
    def libraries(self) -> dict[str, str]:
        """The versions of the libraries that open it."""
        return self._host.libraries_running

    def warm(self) -> LoadReport:
        """Have a process hold the model open."""
        return self._host.warm(self.file, self.limits)


@contextmanager
def opened(version: ModelVersion, schema: InputSchema | None = None) -> Iterator[Model]:
    """The model of ``version``, asked in the inputs of ``schema``. Raises ArtifactMissing,
    NotAModel or ArtifactTampered, before anything of the file was opened; the last also marks every
    version of this file as altered."""
    approved = TypeApproval.objects.of(version.sha256)
    try:
        with artifact(version.sha256, approved=approved) as file:
            inputs = layout(schema, version.container)
            yield Model(file, inputs, limits_of(version.model), version.runtime)
    except ArtifactTampered:
        mark_altered(version.sha256)
        raise


def layout(schema: InputSchema | None, container: str) -> InputLayout:
    """How the inputs become what the model is called with."""
    columns = tuple(
        Column(feature.name, feature.kind, may_be_missing=feature.may_be_missing)
        for feature in (schema.features if schema else ())
    )
    return InputLayout(container, columns)  # type: ignore[arg-type]
