"""Registered models, their versions, what inputs each takes, and which version was live when."""

from models_registry.models.approval import TypeApproval
from models_registry.models.configuration import InputRule, ReferenceData, Revision
from models_registry.models.deployment import Deployment
from models_registry.models.feature import Feature, Target
from models_registry.models.inspection import Inspection, Rehearsal, VersionRun
from models_registry.models.registered_model import RegisteredModel
from models_registry.models.saved_case import TestCase
from models_registry.models.version import ModelVersion

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
]
