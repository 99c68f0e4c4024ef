"""Operations on models and versions that people ask for; one module per noun."""

from models_registry.own_rehearsals import why_no_interval
from models_registry.services.cases import (
    change_case,
    delete_case,
    import_cases,
    judge_case,
    save_case,
)
from models_registry.services.configuring import save_configuration
from models_registry.services.deploying import latest_check, mark_tested, promote, retire, roll_back
from models_registry.services.downloading import download_version
from models_registry.services.duplicating import (
    duplicate_version,
    propose_bound,
    take_over_into,
)
from models_registry.services.inspecting import approve_types, inspect_again, request_inspection
from models_registry.services.moving import choose_runtime, former_runtime, latest_try
from models_registry.services.referencing import (
    ReferenceUpload,
    remove_reference,
    request_interval,
    set_reference,
)
from models_registry.services.registering import check_model_name, create_model
from models_registry.services.rehearsing import check_runnable, request_rehearsal
from models_registry.services.showing import check_group_name, delete_group, save_group, show_model
from models_registry.services.uploading import (
    delete_draft,
    one_upload,
    replace_artifact,
    same_file,
    upload_version,
)
from models_registry.services.writing_card import write_card

__all__ = [
    "ReferenceUpload",
    "approve_types",
    "change_case",
    "check_group_name",
    "check_model_name",
    "check_runnable",
    "choose_runtime",
    "create_model",
    "delete_case",
    "delete_draft",
    "delete_group",
    "download_version",
    "duplicate_version",
    "former_runtime",
    "import_cases",
    "inspect_again",
    "judge_case",
    "latest_check",
    "latest_try",
    "mark_tested",
    "one_upload",
    "promote",
    "propose_bound",
    "remove_reference",
    "replace_artifact",
    "request_inspection",
    "request_interval",
    "request_rehearsal",
    "retire",
    "roll_back",
    "same_file",
    "save_case",
    "save_configuration",
    "save_group",
    "set_reference",
    "show_model",
    "take_over_into",
    "upload_version",
    "why_no_interval",
    "write_card",
]
