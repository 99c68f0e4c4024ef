"""The runtime of an inspected file: the minor version of scikit-learn that saved it."""

from django.conf import settings

from config.runtimes import default_minor, offer
from engine import heartbeats
from flows.errors import HandedBack
from flows.inspecting.shown_steps import Steps
from flows.opened import Model
from flows.outcomes import Refused
from models_registry import lifecycle
from models_registry.inspection_steps import RUNTIME, Report


def choose_runtime(steps: Steps, model: Model) -> Model:
    """Return the model as served by the runtime that the inspection asks for, or that saved the
    file. Raises HandedBack where another worker has it, and Refused where none has."""
    with steps.step(RUNTIME):
        inspection = steps.inspection
        saved = model.served_by("").saved_with()
        wanted = inspection.runtime or saved_minor(saved) or default_minor()
        found = offer(settings.RUNTIMES_DIR, wanted)
        if found.is_here:
            _say(steps, saved, wanted)
            return model.served_by(wanted)
        if inspection.runtime != wanted and wanted in heartbeats.offered_runtimes():
            lifecycle.mark_sent_on(inspection, runtime=wanted)
            raise HandedBack(f"It goes to a worker that has scikit-learn {wanted}")
        steps.report = Report(needs_runtime=wanted)
        raise Refused(_without(saved, wanted, found.can_be_added, found.problem))


def saved_minor(saved: str) -> str:
    """Return the minor version: "1.9" of "1.9.1", "" of ""."""
    return ".".join(saved.split(".")[:2])


def _say(steps: Steps, saved: str, runtime: str) -> None:
    if not saved:
        return steps.passed(f"the file does not say; served by scikit-learn {runtime}")
    if saved_minor(saved) == runtime:
        return steps.passed(f"scikit-learn {saved}, which serves it")
    return steps.warned(
        f"saved with scikit-learn {saved} and served by {runtime}, as was asked: it may answer "
        "with other numbers. Test it with rows whose answers you know."
    )


def _without(saved: str, wanted: str, can_be_added: bool, problem: str) -> str:
    """The sentence where no worker has the runtime."""
    begin = f"The file was saved with scikit-learn {saved}. " if saved else ""
    own = default_minor()
    if can_be_added:
        return (
            f"{begin}No worker has scikit-learn {wanted} yet: run `manage.py runtime add {wanted}` "
            "where the worker runs, and the file is inspected again by itself."
        )
    return (
        f"{begin}{problem} Train the model again with scikit-learn {own}, or inspect it with {own} "
        "all the same: it may be refused, or answer with other numbers."
    )
