"""Models and versions in Django admin; one module per page or table."""

from models_registry.admin.deployments.deployment import DeploymentAdmin
from models_registry.admin.registered_model import RegisteredModelAdmin
from models_registry.admin.version import ModelVersionAdmin

__all__ = ["DeploymentAdmin", "ModelVersionAdmin", "RegisteredModelAdmin"]
