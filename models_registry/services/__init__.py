"""What people ask for about models and versions; one module a wish."""

from models_registry.services.configuring import check_runnable, save_configuration
from models_registry.services.deploying import mark_tested, promote
from models_registry.services.inspecting import approve_types, request_inspection
from models_registry.services.registering import create_model
from models_registry.services.rehearsing import request_rehearsal
from models_registry.services.uploading import delete_draft, replace_artifact, upload_version

__all__ = [
    "approve_types",
    "check_runnable",
    "create_model",
    "delete_draft",
    "mark_tested",
    "promote",
    "replace_artifact",
    "request_inspection",
    "request_rehearsal",
    "save_configuration",
    "upload_version",
]
