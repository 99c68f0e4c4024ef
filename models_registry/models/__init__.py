"""The tables of registered models, their versions, inputs, cases and deployments."""

from models_registry.models.approval import TypeApproval
from models_registry.models.deployment import Deployment
from models_registry.models.feature import Feature, Target
from models_registry.models.input_rule import InputRule
from models_registry.models.inspection import Inspection, Rehearsal, VersionRun
from models_registry.models.reference_data import ReferenceData
from models_registry.models.registered_model import RegisteredModel
from models_registry.models.revision import Revision
from models_registry.models.saved_case import TestCase
from models_registry.models.version import ModelVersion
from models_registry.models.version_use import VersionUse

__all__ = [
    "Deployment",
    "Feature",
    "InputRule",
    "Inspection",
    "ModelVersion",
    "ReferenceData",
    "RegisteredModel",
    "Rehearsal",
    "Revision",
    "Target",
    "TestCase",
    "TypeApproval",
    "VersionRun",
    "VersionUse",
]
