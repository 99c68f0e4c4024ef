"""Factories of rows for tests: plain `make_x(**overrides)`."""

import hashlib
import itertools
import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from executions.models import Execution
from model_host.protocol.codec import stored, to_json
from model_host.protocol.examination import Examination
from model_host.protocol.outputs import Outputs
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, Scalar, TargetSpec
from models_registry.inspection_steps import Report
from models_registry.models import Feature, ModelVersion, RegisteredModel, Target

PASSWORD = "correct horse battery"
_counter = itertools.count(1)

AGE = FeatureSpec("age", "Age", Kind.FLOAT, unit="years", minimum=18, maximum=100, typical=42)
INCOME = FeatureSpec(
    "income", "Annual income", Kind.FLOAT, Requirement.MAY_BE_MISSING, unit="€", imputed=46_000.0
)
HOME = FeatureSpec("home", "Owns a home", Kind.BOOLEAN)
WORK = FeatureSpec(
    "work",
    "Employment",
    Kind.CHOICE,
    choices=(("emp", "Employed"), ("self", "Self-employed"), ("none", "Not working")),
)
LOAN_FEATURES = (AGE, INCOME, HOME, WORK)
LOAN_INPUTS: dict[str, Scalar] = {"age": 34.0, "income": 41_500.0, "home": False, "work": "self"}
LOAN_TARGET = TargetSpec("", "Repayment", class_labels=((0, "Repays"), (1, "Defaults")))
LOAN_OUTPUTS = {
    "task": "classification",
    "targets": [
        {
            "name": "",
            "value": 0,
            "confidence": 0.834,
            "probabilities": [
                {"value": 0, "probability": 0.834},
                {"value": 1, "probability": 0.166},
            ],
            "interval": None,
            "score": None,
            "text": "",
        }
    ],
    "warnings": [],
    "notes": [],
    "seconds": 0.001,
    "lost": None,
}
OF_ONE_ROW = [purpose for purpose in Execution.Purpose if purpose != Execution.Purpose.BATCH]
LOAN_ANSWER = stored(Outputs, LOAN_OUTPUTS)
"""The same as the worker reports it."""


def make_user(email: str = "", **fields: Any) -> User:
    return User.objects.create_user(
        email or f"person{next(_counter)}@example.com", PASSWORD, **fields
    )


def make_model(**fields: Any) -> RegisteredModel:
    number = next(_counter)
    defaults = {"name": f"Loan risk {number}", "slug": f"loan-risk-{number}"}
    return RegisteredModel.objects.create(**defaults | fields)


def make_version(
    *,
    features: tuple[FeatureSpec, ...] = LOAN_FEATURES,
    targets: tuple[TargetSpec, ...] = (LOAN_TARGET,),
    is_tested: bool = True,
    is_active: bool = False,
    **fields: Any,
) -> ModelVersion:
    """Create a version as it is after its inspection."""
    model = fields.pop("model", None) or make_model()
    number = fields.pop("number", None) or model.versions.count() + 1
    sha256 = hashlib.sha256(f"{model.pk} {number}".encode()).hexdigest()
    defaults: dict[str, Any] = {
        "sha256": sha256,
        "size": 1000,
        "format": "joblib",
        "file_name": "model.joblib",
        "container": "frame",
        "task": "classification",
        "estimator": "sklearn.pipeline.Pipeline",
    }
    if is_tested or is_active:
        defaults |= {"tested_at": timezone.now(), "tested_sha256": sha256, "tested_revision": 1}
    if is_active:
        defaults |= {"status": ModelVersion.Status.ACTIVE, "activated_at": timezone.now()}
    version = ModelVersion.objects.create(model=model, number=number, **defaults | fields)
    Feature.objects.bulk_create(
        Feature.from_spec(version, position, spec) for position, spec in enumerate(features)
    )
    Target.objects.bulk_create(
        Target.from_spec(version, position, spec) for position, spec in enumerate(targets)
    )
    return version


def make_report(**examination: Any) -> dict[str, Any]:
    """What an inspection stores of a model, with these fields of its examination."""
    read: dict[str, Any] = {
        "estimator": "sklearn.pipeline.Pipeline",
        "task": "classification",
        "container": "frame",
        "features": (),
        "targets": (),
        "gives_probabilities": False,
        "gives_interval": False,
        "steps": (),
        "libraries_trained": {},
        "libraries_running": {},
    }
    report: dict[str, Any] = to_json(Report(examination=Examination(**read | examination)))
    return report


def make_execution(**fields: Any) -> Execution:
    """Create a queued execution; with ``outputs`` or an ``error_code`` a finished one."""
    version = fields.pop("version", None) or make_version(is_active=True)
    now = timezone.now()
    defaults: dict[str, Any] = {
        "user": fields.pop("user", None) or make_user(),
        "version": version,
        "version_sha256": version.sha256,
        "version_revision": version.revision,
        "inputs": LOAN_INPUTS,
        "inputs_sha256": uuid.uuid4().hex,
        "deadline": now + timedelta(minutes=15),
    }
    if fields.get("outputs"):
        defaults |= {"status": Execution.Status.SUCCEEDED, "started_at": now, "finished_at": now}
    if fields.get("error_code"):
        defaults |= {"status": Execution.Status.FAILED, "started_at": now, "finished_at": now}
    return Execution.objects.create(**defaults | fields)
