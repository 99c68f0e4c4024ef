"""The answers of the API, each built whole from rows. A field that is not declared is an error, so
that none is left out silently."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.urls import reverse
from pydantic import BaseModel, ConfigDict, Field

from executions.batches.reading import Progress, RowResult
from executions.errors import user_sentence
from executions.models import Execution
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs, TargetOutput
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, RegisteredModel, Target

Status = Literal["queued", "running", "succeeded", "failed", "canceled"]


class Answer(BaseModel):
    """The base of all answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorOut(Answer):
    """One thing that is wrong."""

    pointer: str | None = Field(description="JSON pointer to it in the body, such as /inputs/3/age")
    parameter: str | None = Field(description="Its name, if it is in the address or the header")
    detail: str = Field(description="What is wrong, and the rule; never what was sent")
    suggestion: str | None = Field(description="A value that would be taken")


class Problem(Answer):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ErrorOut] = Field(description="The first 100 things that are wrong")


class ChoiceOut(Answer):
    value: Scalar
    label: str


class InputOut(Answer):
    """One input of a model, with the rules that its values must keep."""

    name: str
    label: str
    type: Literal["integer", "number", "string", "boolean", "choice", "unused"]
    requirement: Literal["required", "optional", "may_be_missing"]
    help: str
    unit: str
    group: str
    minimum: float | int | None
    maximum: float | int | None
    trained_minimum: float | int | None = Field(description="Below it a value runs with a warning")
    trained_maximum: float | int | None
    step: float | None
    choices: list[ChoiceOut]
    takes_other_values: bool
    max_length: int | None
    default: Scalar = Field(description="What an empty optional input counts as")
    example: Scalar
    is_sensitive: bool
    deprecation: str


class OutputOut(Answer):
    """One thing that a model predicts."""

    name: str
    label: str
    unit: str
    classes: list[ChoiceOut]


class VersionOut(Answer):
    number: int
    label: str
    deployed_at: datetime | None


class ModelSummary(Answer):
    slug: str
    name: str
    description: str
    version: VersionOut
    url: str


class Models(Answer):
    items: list[ModelSummary]


class Model(ModelSummary):
    """A live model: what it takes and what it answers."""

    task: str
    inputs: list[InputOut]
    rules: list[str] = Field(description="Rules between two inputs")
    outputs: list[OutputOut]
    example: dict[str, Scalar] = Field(description="Inputs that can be sent as they are")
    predictions_url: str
    openapi_url: str


class ProbabilityOut(Answer):
    value: Scalar
    label: str
    probability: float


class IntervalOut(Answer):
    low: float
    high: float
    level: float
    source: str = Field(description="“model”, or “reference”: data that the model had not seen")


class TargetOut(Answer):
    """The answer for one output."""

    name: str
    label: str
    unit: str
    value: Scalar
    text: str = Field(description="The answer where it is no single value")
    class_label: str | None
    confidence: float | None
    probabilities: list[ProbabilityOut]
    interval: IntervalOut | None
    score: float | None


class Result(Answer):
    task: str
    targets: list[TargetOut]


class Failure(Answer):
    """Why there is no result."""

    code: str
    detail: str


class Prediction(Answer):
    kind: Literal["prediction"] = "prediction"
    id: uuid.UUID
    public_id: str
    status: Status
    model: str
    version: int
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    inputs: dict[str, Scalar]
    warnings: list[str]
    result: Result | None
    error: Failure | None
    url: str
    page_url: str


class Predictions(Answer):
    items: list[Prediction]
    next: str | None = Field(description="The address of the next page; null on the last")


class Row(Answer):
    index: int = Field(description="Its place in the request, from 0")
    id: str
    inputs: dict[str, Scalar]
    warnings: list[str]
    result: Result | None
    error: Failure | None


class Rows(Answer):
    items: list[Row]
    total: int
    next: str | None = Field(description="The address of the next page; null on the last")


class Batch(Answer):
    """Many rows as one execution. ``rows`` are there where the answer is waited for and whole."""

    kind: Literal["batch"] = "batch"
    id: uuid.UUID
    public_id: str
    status: Status
    model: str
    version: int
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    row_count: int
    done_count: int
    failed_count: int
    error: Failure | None
    rows: list[Row] | None
    url: str
    rows_url: str


# --- Builders ---------------------------------------------------------------------------------


def address(name: str, *args: Any) -> str:
    """Return a whole address of the API, with the site's own host."""
    return f"{settings.SITE_URL}{reverse(name, args=args)}"


def summary_of(version: ModelVersion) -> dict[str, Any]:
    model = version.model
    deployed = version.deployed_at
    return {
        "slug": model.slug,
        "name": model.name,
        "description": model.description,
        "version": VersionOut(number=version.number, label=version.label, deployed_at=deployed),
        "url": address("api:model", model.slug),
    }


def model_of(version: ModelVersion, schema: InputSchema) -> Model:
    model: RegisteredModel = version.model
    return Model(
        **summary_of(version),
        task=version.task,
        inputs=[input_of(feature) for feature in schema.in_form_order],
        rules=[rule.message or rule.sentence(schema.by_name) for rule in schema.rules],
        outputs=[output_of(target) for target in version.targets.all()],
        example=example_of(schema),
        predictions_url=address("api:predict", model.slug),
        openapi_url=address("api:model_document", model.slug),
    )


def example_of(schema: InputSchema) -> dict[str, Scalar]:
    """Return the typical row, of the inputs that are asked for."""
    typical = schema.typical_values()
    return {feature.name: typical[feature.name] for feature in schema.asked}


def input_of(feature: FeatureSpec) -> InputOut:
    kind: Any = "number" if feature.kind is Kind.FLOAT else feature.kind.value
    requirement: Any = feature.requirement.value
    is_optional = feature.requirement is Requirement.OPTIONAL
    return InputOut(
        name=feature.name,
        label=feature.label,
        type=kind,
        requirement=requirement,
        help=feature.help,
        unit=feature.unit,
        group=feature.group,
        minimum=feature.minimum,
        maximum=feature.maximum,
        trained_minimum=feature.soft_minimum,
        trained_maximum=feature.soft_maximum,
        step=feature.step,
        choices=[ChoiceOut(value=value, label=label) for value, label in feature.offered],
        takes_other_values=feature.takes_others,
        max_length=feature.longest_text if feature.kind is Kind.STRING else None,
        default=feature.default if is_optional else None,
        example=feature.usual_value,
        is_sensitive=feature.is_sensitive,
        deprecation=feature.deprecation,
    )


def output_of(target: Target) -> OutputOut:
    classes = [ChoiceOut(value=value, label=label) for value, label in target.class_labels]
    return OutputOut(name=target.name, label=str(target), unit=target.unit, classes=classes)


def result_of(outputs: Outputs, targets: list[Target]) -> Result:
    named = [
        (targets[place] if place < len(targets) else Target(name=output.name), output)
        for place, output in enumerate(outputs.targets)
    ]
    return Result(task=outputs.task, targets=[_target(*pair, outputs.task) for pair in named])


def _target(target: Target, output: TargetOutput, task: str) -> TargetOut:
    interval = output.interval
    is_class = task == "classification" and not output.text
    return TargetOut(
        name=output.name,
        label=str(target),
        unit=target.unit,
        value=output.value,
        text=output.text,
        class_label=target.label_of(output.value) if is_class else None,
        confidence=output.confidence,
        probabilities=[
            ProbabilityOut(
                value=one.value, label=target.label_of(one.value), probability=one.probability
            )
            for one in output.probabilities
        ],
        interval=IntervalOut(
            low=interval.low, high=interval.high, level=interval.level, source=interval.source
        )
        if interval
        else None,
        score=output.score,
    )


def prediction_of(execution: Execution) -> Prediction:
    """Return one prediction; its ``version`` has its features, targets and model at hand."""
    version = execution.version
    schema = InputSchema(tuple(feature.spec for feature in version.features.all()))
    outputs = execution.read_outputs()
    return Prediction(
        **_head(execution),
        inputs=schema.read(execution.inputs or {}),
        warnings=execution.warnings,
        result=result_of(outputs, list(version.targets.all())) if outputs else None,
        url=address("api:prediction", execution.pk),
        page_url=address("executions:detail", execution.pk),
    )


def batch_of(execution: Execution, done: Progress, rows: list[Row] | None = None) -> Batch:
    return Batch(
        **_head(execution),
        row_count=done.rows,
        done_count=done.done,
        failed_count=done.failed,
        rows=rows,
        url=address("api:batch", execution.pk),
        rows_url=address("api:batch_rows", execution.pk),
    )


def rows_of(found: Iterable[RowResult], targets: list[Target]) -> list[Row]:
    return [
        Row(
            index=row.index,
            id=row.id,
            inputs=row.inputs,
            warnings=list(row.warnings),
            result=result_of(row.outputs, targets) if row.outputs else None,
            error=Failure(code=row.failure.code, detail=row.problem) if row.failure else None,
        )
        for row in found
    ]


def _head(execution: Execution) -> dict[str, Any]:
    sentence = user_sentence(execution.error_code, execution.message)
    return {
        "id": execution.pk,
        "public_id": execution.public_id,
        "status": execution.status,
        "model": execution.version.model.slug,
        "version": execution.version.number,
        "requested_at": execution.requested_at,
        "started_at": execution.started_at,
        "finished_at": execution.finished_at,
        "error": Failure(code=execution.error_code, detail=sentence) if sentence else None,
    }
