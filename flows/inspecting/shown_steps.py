"""The steps of an inspection so far, shown on the admin's page while it runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from models_registry import lifecycle
from models_registry.inspection_steps import Report, StepTaken
from models_registry.models import Inspection


@dataclass
class Steps:
    """The steps that have begun, and the report where they end before there are findings."""

    inspection: Inspection
    done: list[StepTaken] = field(default_factory=list)
    report: Report = field(default_factory=Report)

    @property
    def name(self) -> str:
        """The name of the current or last step."""
        return self.done[-1].name

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Run one step; the block may call ``passed`` or ``warned``. Where it raises, ``failed``
        must follow."""
        started = time.monotonic()
        self.done.append(StepTaken(name))
        self._show()
        try:
            yield
        finally:
            step = self.done[-1]
            self.done[-1] = replace(
                step,
                state="passed" if step.state == "running" else step.state,
                seconds=round(time.monotonic() - started, 3),
            )
        self._show()

    def passed(self, detail: str) -> None:
        self.done[-1] = replace(self.done[-1], state="passed", detail=detail)

    def warned(self, detail: str) -> None:
        self.done[-1] = replace(self.done[-1], state="warning", detail=detail)

    def failed(self, why: str) -> None:
        self.done[-1] = replace(self.done[-1], state="failed", detail=why)

    def _show(self) -> None:
        lifecycle.note_progress(self.inspection, steps=self.done)
