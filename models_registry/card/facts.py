"""Facts about a version, in words, for the pages that show it. Takes loaded rows; queries the
database only where a docstring says so."""

from config.text.numbers import decimal_text
from models_registry.inspection_steps import Examined
from models_registry.models import Inspection, ModelVersion

_TAKES = {
    "frame": "a table with named columns",
    "array": "numbers in a fixed order",
    "texts": "one text",
    "records": "one mapping of names to values",
}
_TASKS = {
    "classification": "Predicts a class",
    "regression": "Predicts a number",
    "clustering": "Predicts a group",
    "outlier detection": "Predicts whether a case is unusual",
    "other": "Gives another kind of answer",
}


def estimator_text(version: ModelVersion) -> str:
    """Return the estimator's class without its package."""
    return version.estimator.rpartition(".")[2]


def container_text(version: ModelVersion) -> str:
    return _TAKES.get(version.container, version.container)


def task_text(version: ModelVersion) -> str:
    """Return what kind of answer the model gives."""
    return _TASKS.get(version.task, version.task)


def success_text(version: ModelVersion) -> str:
    """Return the success rate of a version that was read ``with_use``."""
    percent: float | None = version.success_percent  # type: ignore[attr-defined]
    return "–" if percent is None else f"{decimal_text(percent, 1)} %"


def saved_with_text(version: ModelVersion) -> str:
    """Return the scikit-learn that saved the file, as it says itself; "" if it does not."""
    saved = version.libraries_trained.get("scikit-learn")
    return f"scikit-learn {saved}" if saved else ""


def served_by_text(version: ModelVersion, examination: Examined) -> str:
    """Return the scikit-learn that serves the version, to the patch level as long as it is the one
    that examined it or that it was tried in; "" before an inspection."""
    ran = str(libraries_running(version, examination).get("scikit-learn", ""))
    runtime = version.runtime
    known = ran if not runtime or ran.split(".")[:2] == runtime.split(".") else runtime
    return f"scikit-learn {known}" if known else ""


def cases_text(version: ModelVersion) -> str:
    """Return how many saved cases there are, and how many pass as the version stands: two
    queries."""
    count = version.cases.count()
    if not count:
        return "None"
    return f"{version.cases.passing().count()} of {count} pass"


def signs_of_preparation(version: ModelVersion, examination: Examined) -> tuple[str, ...] | None:
    """Return what in the model suggests that its rows were scaled or encoded before it was trained,
    where a person has to say that its inputs are raw values: they have no names, neither by the
    file nor by the training configuration, and no step of the model prepares them. None where
    nothing is asked."""
    if examination.unprepared is None:
        return None
    names = set(version.features.values_list("name", flat=True))
    if names != {f"x{place}" for place in range(len(names))}:
        return None
    return examination.unprepared.signs


def examination_of(version: ModelVersion) -> Examined:
    """Return the examination of the last inspection that passed; empty if none did. One query."""
    passed = version.inspections.filter(status=Inspection.Status.SUCCEEDED).first()
    return passed.examined if passed else Examined()


def libraries_running(version: ModelVersion, examination: Examined) -> dict[str, str]:
    """Return the versions of the libraries in the runtime that serves the version."""
    return version.libraries_running or examination.libraries_running
