from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from models_registry import services
from models_registry.errors import NoIntervalPossible, VersionLocked
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.models import ModelVersion, ReferenceData, Rehearsal
from models_registry.reference.reference_profile import read_reference
from models_registry.services import ReferenceUpload
from tests.factories import make_model, make_version

AREA = FeatureSpec("area", "Area", Kind.FLOAT, sources={"kind": "StandardScaler"})
NAME = FeatureSpec("name", "Name", Kind.STRING, is_sensitive=True)
PRICE = TargetSpec("", "Price", "€")
CSV = "area,name,price,extra\n" + "\n".join(f"{n},Ann,{n * 10},x" for n in range(1, 41)) + "\n"


def draft(**fields: Any) -> ModelVersion:
    options = {"features": (AREA,), "targets": (PRICE,), "task": "regression"}
    return make_version(**options | fields)


def given(text: str = CSV, target: str = "price", **said: bool) -> ReferenceUpload:
    return ReferenceUpload(read_reference([text.encode()], target=target), "ref.csv", **said)


def page(version: ModelVersion, name: str = "reference") -> str:
    return f"/admin/models_registry/modelversion/{version.pk}/{name}/"


def csv(text: str = CSV) -> SimpleUploadedFile:
    return SimpleUploadedFile("ref.csv", text.encode(), "text/csv")


def test_reference_data_fills_the_inputs_as_a_new_revision(ada: User) -> None:
    version = draft()
    services.set_reference(version=version, upload=given(), by=ada)
    version.refresh_from_db()
    area = version.features.get().spec
    assert (area.soft_minimum, area.soft_maximum, area.typical) == (1, 40, 20)
    assert (area.kind, area.minimum, version.revision) == (Kind.INTEGER, None, 2)
    assert not version.is_tested


def test_at_most_200_rows_are_kept_as_inputs_with_their_outcomes(ada: User) -> None:
    services.set_reference(version=draft(), upload=given(), by=ada)
    data = ReferenceData.objects.get()
    assert (data.row_count, len(data.rows)) == (40, 40)
    assert data.rows[0] == {"area": 1}
    assert data.targets[:2] == [10, 20]


def test_the_profile_may_be_all_that_is_kept(ada: User) -> None:
    services.set_reference(version=draft(), upload=given(keeps_rows=False), by=ada)
    data = ReferenceData.objects.get()
    assert (data.rows, data.targets) == ([], [])
    assert data.profile["columns"][0][1]["quantiles"][2] == 20.5


def test_no_value_of_a_sensitive_input_is_kept(ada: User) -> None:
    services.set_reference(version=draft(features=(AREA, NAME)), upload=given(), by=ada)
    data = ReferenceData.objects.get()
    assert {row["name"] for row in data.rows} == {None}
    assert "Ann" not in str(data.profile)


def test_what_the_configuration_calls_sensitive_is_not_kept_before_the_inspection(
    ada: User,
) -> None:
    version = services.upload_version(
        model=make_model(),
        chunks=[b"model"],
        file_name="m.joblib",
        config={"features": [{"name": "name", "sensitive": True}]},
        reference=given(),
        by=ada,
    )
    data = ReferenceData.objects.get(version=version)
    assert "Ann" not in str([data.rows, data.profile])


def test_marking_an_input_sensitive_later_removes_what_was_kept(ada: User) -> None:
    version = draft(features=(AREA, replace(NAME, is_sensitive=False)))
    services.set_reference(version=version, upload=given(), by=ada)
    assert "Ann" in str(ReferenceData.objects.get().rows)
    ReferenceData.objects.filter(version=version).fit_to([AREA, NAME])
    data = ReferenceData.objects.get()
    assert "Ann" not in str([data.rows, data.profile])


def test_removing_it_takes_back_what_came_from_it(ada: User) -> None:
    version = draft()
    services.set_reference(version=version, upload=given(), by=ada)
    services.remove_reference(version=version, by=ada)
    assert version.features.get().spec == AREA
    assert not ReferenceData.objects.exists()


def test_a_version_that_was_live_keeps_its_reference_data(ada: User) -> None:
    version = draft(is_active=True)
    with pytest.raises(VersionLocked):
        services.set_reference(version=version, upload=given(), by=ada)
    with pytest.raises(VersionLocked):
        services.remove_reference(version=version, by=ada)
    assert not ReferenceData.objects.exists()


def test_an_interval_is_asked_for_from_rows_that_were_not_used_in_training(ada: User) -> None:
    version = draft()
    services.set_reference(version=version, upload=given(is_held_out=True), by=ada)
    rehearsal = services.request_interval(version=version, by=ada)
    assert (rehearsal.kind, rehearsal.of) == (Rehearsal.Kind.CALIBRATION, list(range(40)))


@pytest.mark.parametrize(
    ("fields", "upload", "why"),
    [
        ({}, given(), "not used in training"),
        ({"task": "classification"}, given(is_held_out=True), "one number"),
        ({"targets": (PRICE, TargetSpec("b"))}, given(is_held_out=True), "one number"),
        ({"features": (AREA, NAME)}, given(is_held_out=True), "sensitive"),
        ({}, given("area,price\n1,2\n", is_held_out=True), "1 rows with an outcome"),
        ({"features": (replace(AREA, is_complete=False),)}, given(is_held_out=True), "Complete"),
    ],
)
def test_without_the_grounds_for_an_interval_the_reason_is_said(
    ada: User, fields: dict[str, Any], upload: ReferenceUpload, why: str
) -> None:
    version = draft(**fields)
    services.set_reference(version=version, upload=upload, by=ada)
    with pytest.raises(NoIntervalPossible, match=why):
        services.request_interval(version=version, by=ada)


def test_other_data_ends_the_interval_of_the_first(ada: User) -> None:
    version = draft()
    services.set_reference(version=version, upload=given(), by=ada)
    first = ReferenceData.objects.get()
    ReferenceData.objects.update(interval_halfwidth=3.0)
    services.set_reference(version=version, upload=given(), by=ada)
    second = ReferenceData.objects.get()
    assert second.interval_halfwidth is None
    assert second.uploaded_at > first.uploaded_at


def test_an_admin_gives_reference_data_and_reads_its_profile(as_ada: Client) -> None:
    version = draft()
    answer = as_ada.post(page(version), {"reference": csv(), "target_column": "price"}, follow=True)
    shown = answer.content.decode()
    assert "no such inputs: name, extra." in shown
    assert "1 to 40, median 20.5" in shown
    assert "not used in training" in shown
    as_ada.post(page(version, "remove_reference"))
    assert "No reference data yet" in as_ada.get(page(version)).content.decode()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"target_column": "wage"}, "no column “wage”"),
        ({"is_held_out": "on"}, "Name the column with the outcomes"),
        ({"reference": csv("a,b\n1\n")}, "Row 1"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(
    as_ada: Client, db: None, said: dict[str, Any], sentence: str
) -> None:
    answer = as_ada.post(page(draft()), {"reference": csv()} | said)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_names_of_columns_are_shown_as_text(as_ada: Client, db: None) -> None:
    version = draft()
    hostile = csv('area,"<script>alert(1)</script>"\n1,"<b>x</b>"\n')
    shown = as_ada.post(page(version), {"reference": hostile}, follow=True).content.decode()
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown
    assert "<b>x" not in shown


def test_a_live_version_offers_no_change(as_ada: Client, active_version: ModelVersion) -> None:
    shown = as_ada.get(page(active_version)).content.decode()
    assert "is locked" in shown
    assert "Use these rows" not in shown
