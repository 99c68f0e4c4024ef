"""Models and versions in Django admin; one module a page or a row."""

from models_registry.admin.deployment import DeploymentAdmin
from models_registry.admin.registered_model import RegisteredModelAdmin
from models_registry.admin.version import ModelVersionAdmin

__all__ = ["DeploymentAdmin", "ModelVersionAdmin", "RegisteredModelAdmin"]
