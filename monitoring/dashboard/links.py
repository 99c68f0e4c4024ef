"""Links from a number to the executions that it counts: their list in Django admin, filtered
alike."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.urls import reverse

from executions.models import Execution
from models_registry.models import ModelVersion, RegisteredModel
from monitoring.dashboard.period import Period


@dataclass(frozen=True)
class ExecutionList:
    """The list of executions for a choice of days, model and version; None means all."""

    period: Period
    model: RegisteredModel | None = None
    version: ModelVersion | None = None

    def url(
        self, *, first: date | None = None, last: date | None = None, **filters: str | int
    ) -> str:
        """Return the address, narrowed by ``filters`` as the list knows them: status, code, slow,
        q."""
        query = {
            "start": (first or self.period.first).isoformat(),
            "end": (last or first or self.period.last).isoformat(),
            "purpose": Execution.Purpose.PREDICTION.value,
            "model": self.model.pk if self.model else "",
            "version": self.version.pk if self.version else "",
            **filters,
        }
        asked = urlencode({name: value for name, value in query.items() if value != ""})
        return f"{reverse('admin:executions_execution_changelist')}?{asked}"

    @property
    def all(self) -> str:
        return self.url()

    @property
    def succeeded(self) -> str:
        return self.url(status="succeeded")

    @property
    def failed(self) -> str:
        return self.url(status="failed")

    @property
    def slow(self) -> str:
        return self.url(status="succeeded", slow="on")
