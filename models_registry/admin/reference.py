"""The page of a version's reference data: upload, profile and removal."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from config.errors import refusals_as_messages, refusals_in
from config.text.numbers import written
from engine.heartbeats import missing_runtime
from models_registry import services
from models_registry.admin.page import version_page
from models_registry.forms.upload_forms import ReferenceForm
from models_registry.inputs.number_text import brief_number, with_unit
from models_registry.models import ModelVersion, ReferenceData
from models_registry.reference.reference_fit import remarks
from models_registry.reference.reference_profile import ColumnProfile, Profile

PAGE = "admin:models_registry_modelversion_reference"


@dataclass(frozen=True)
class ProfileRow:
    """One column in the profile's table. ``marks`` are the positions of the quantiles between the
    smallest and the largest value, in percent; empty if the column is not numeric or constant."""

    name: str
    role: str
    column: ColumnProfile
    marks: tuple[float, ...]

    @property
    def box(self) -> tuple[float, float]:
        """The start and the width of the middle half."""
        return self.marks[1], max(self.marks[3] - self.marks[1], 0.5)

    @property
    def constant(self) -> str:
        """The value of a numeric column that has no other."""
        return written(brief_number(self.column.minimum or 0))

    @property
    def numbers(self) -> str:
        """The numbers in words, as the text alternative of the strip."""
        low, *_, high = self.column.quantiles
        numbers = self.column.minimum, self.column.maximum, self.column.median, low, high
        least, most, median, low_text, high_text = (
            written(brief_number(one or 0)) for one in numbers
        )
        return f"{least} to {most}, median {median}, nine of ten between {low_text} and {high_text}"


def reference(request: Any, pk: int) -> HttpResponse:
    """Show the profile of a version's reference data and, for a draft, take other data."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    form = ReferenceForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        with refusals_in(form):
            services.set_reference(
                version=version, upload=form.cleaned_data["upload"], by=request.user
            )
            return redirect(PAGE, pk)
    return version_page(
        request,
        "reference",
        version,
        title=f"Reference data of {version.short_name} of {version.model}",
        form=form,
        status=422 if form.errors else 200,
        **_shown(version),
    )


@require_POST
def remove_reference(request: Any, pk: int) -> HttpResponse:
    version = get_object_or_404(ModelVersion, pk=pk)
    with refusals_as_messages(request):
        services.remove_reference(version=version, by=request.user)
    return redirect(PAGE, pk)


@require_POST
def request_interval(request: Any, pk: int) -> HttpResponse:
    version = get_object_or_404(ModelVersion, pk=pk)
    with refusals_as_messages(request):
        services.request_interval(version=version, by=request.user)
    return redirect(PAGE, pk)


def _shown(version: ModelVersion) -> dict[str, Any]:
    """The context of the version's reference data."""
    data = ReferenceData.objects.filter(version=version).select_related("uploaded_by").first()
    profile = Profile.from_json(data.profile) if data else Profile({})
    specs = [feature.spec for feature in version.features.all()]
    known = {spec.name for spec in specs}
    target = version.targets.first()
    rehearsal = version.rehearsals.filter(kind="calibration").first()
    return {
        "reference": data,
        "remarks": remarks(specs, profile) if data and specs else [],
        "rows": [
            _row(
                name,
                column,
                "outcome" if name == profile.target else "" if name in known else "not an input",
            )
            for name, column in profile.columns.items()
        ],
        "why_no_interval": services.why_no_interval(version, data),
        "rehearsal": rehearsal,
        "missing": rehearsal and missing_runtime(rehearsal, rehearsal.needed_runtime),
        "target": target,
        "halfwidth": _halfwidth(data.interval_halfwidth, target.unit if target else "")
        if data and data.interval_halfwidth is not None
        else "",
    }


def _halfwidth(width: float, unit: str) -> str:
    return with_unit(f"± {written(brief_number(width, unit))}", unit)


def _row(name: str, column: ColumnProfile, role: str) -> ProfileRow:
    low, high = column.minimum, column.maximum
    if low is None or high is None or low == high:
        return ProfileRow(name, role, column, ())
    marks = tuple(round(100 * (value - low) / (high - low), 2) for value in column.quantiles)
    return ProfileRow(name, role, column, marks)
