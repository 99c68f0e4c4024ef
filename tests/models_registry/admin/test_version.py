from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from model_host.protocol.examination import Unprepared
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.models import Inspection, ModelVersion, RegisteredModel
from tests.factories import make_execution, make_model, make_report, make_version


def address(version: ModelVersion, page: str) -> str:
    return f"/admin/models_registry/modelversion/{version.pk}/{page}/"


def upload(client: Client, model: RegisteredModel, content: bytes = b"model", **fields: Any) -> Any:
    data = {"file": SimpleUploadedFile("loan.joblib", content)} | fields
    page = f"/admin/models_registry/registeredmodel/{model.pk}/upload/"
    return client.post(page, data, follow=True)


def config(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("config.yaml", text.encode())


def test_an_admin_creates_a_model_and_is_asked_for_nothing_it_can_know(as_ada: Client) -> None:
    page = "/admin/models_registry/registeredmodel/add/"
    data = {"name": "Heat demand", "load_seconds": 30, "predict_seconds": 5, "slow_seconds": 3}
    as_ada.post(page, data)
    model = RegisteredModel.objects.get()
    assert (model.slug, model.predict_seconds) == ("heat-demand", 5)
    assert model.created_by is not None


def test_an_upload_leads_to_the_versions_page_and_its_inspection(as_ada: Client, db: None) -> None:
    model = make_model()
    page = upload(as_ada, model, config=config("metrics: {auc: 0.9}"))
    version = ModelVersion.objects.get()
    assert version.metrics == {"auc": 0.9}
    assert "Waiting for a worker" in page.content.decode()
    assert 'http-equiv="refresh"' in page.content.decode()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a list", "must be a mapping"),
        ("{", "is not valid JSON or YAML"),
        ("a: &x 1\nb: *x", "aliases"),
        ('{"notes": "\\u0000"}', "cannot be stored (U+0000)"),
        ('{"notes": "\\ud800"}', "cannot be stored (U+D800)"),
        ('{"features": [{"name": "a", "min": 1, "min": 2}]}', "the key “min” twice"),
        ("[" * 400_000, "nested too deeply"),
        ('{"x": [' + "1," * 500_000 + "1]}", "too many values"),
        ("features: [{name: " + "n" * 301 + "}]", "at most 300 characters. It has 301"),
    ],
)
def test_a_configuration_that_cannot_be_used_stops_the_upload_in_words(
    as_ada: Client, db: None, text: str, sentence: str
) -> None:
    page = upload(as_ada, make_model(), config=config(text))
    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert not ModelVersion.objects.exists()


def test_a_file_far_over_the_limit_is_a_draft_with_its_own_sentence(
    as_ada: Client, db: None, settings: Settings
) -> None:
    settings.ARTIFACT_MAX_BYTES = 1024**2
    page = upload(as_ada, make_model(), b"x" * 3 * 1024**2)
    version = ModelVersion.objects.get()
    assert "larger than 1 MB" in page.content.decode()
    assert (version.sha256, version.status) == ("", "draft")


def test_a_refused_draft_can_be_replaced_inspected_again_and_deleted(
    as_ada: Client, db: None
) -> None:
    upload(as_ada, make_model())
    version = ModelVersion.objects.get()
    refuse = version.inspections.filter(finished_at=None)
    refuse.update(status="failed", finished_at="2026-01-01T00:00Z", message="No model")
    assert "No model" in as_ada.get(address(version, "change")).content.decode()
    as_ada.post(address(version, "replace"), {"file": SimpleUploadedFile("b.joblib", b"other")})
    version.refresh_from_db()
    assert version.file_name == "b.joblib"
    refuse.update(status="failed", finished_at="2026-01-01T00:00Z")
    as_ada.post(address(version, "inspect"))
    assert Inspection.objects.count() == 3
    as_ada.post(address(version, "discard"))
    assert not ModelVersion.objects.exists()


def test_a_version_that_is_not_tested_is_not_promoted(as_ada: Client, db: None) -> None:
    version = make_version(is_tested=False)
    page = as_ada.post(address(version, "promote"), {"text": "The first version."})
    version.refresh_from_db()
    assert page.status_code == 422
    assert "has not been tested" in page.content.decode()
    assert version.status == "draft"


def test_promotion_asks_for_what_changed(as_ada: Client, db: None) -> None:
    version = make_version()
    page = as_ada.post(address(version, "promote"), {"text": "short"})
    assert page.status_code == 422
    assert not version.deployments.exists()


def test_the_promotion_page_says_its_effect_and_does_it(
    as_ada: Client, active_version: ModelVersion
) -> None:
    version = make_version(model=active_version.model)
    page = as_ada.get(address(version, "promote")).content.decode()
    assert "Promote v2 to production" in page
    as_ada.post(address(version, "promote"), {"text": "Knows heat pumps as a purpose."})
    version.refresh_from_db()
    active_version.refresh_from_db()
    assert (version.status, active_version.status) == ("active", "archived")


def nameless_version() -> ModelVersion:
    version = make_version(features=(FeatureSpec("x0", "X0", Kind.FLOAT),), container="array")
    sign = "x0 is centred at 0 with a spread of 1."
    Inspection.objects.create(
        version=version,
        sha256=version.sha256,
        status="succeeded",
        finished_at=timezone.now(),
        report=make_report(unprepared=Unprepared((sign,))),
    )
    return version


def test_a_version_whose_rows_may_have_been_prepared_says_so(as_ada: Client, db: None) -> None:
    page = as_ada.get(address(nameless_version(), "change")).content.decode()
    assert "Was this model trained on prepared columns?" in page
    assert "x0 is centred at 0 with a spread of 1." in page
    assert (
        "trained on prepared columns"
        not in as_ada.get(address(make_version(), "change")).content.decode()
    )


def test_raw_values_are_ticked_on_the_promotion_page(as_ada: Client, db: None) -> None:
    version = nameless_version()
    page = address(version, "promote")
    assert "These are raw values" in as_ada.get(page).content.decode()
    refused = as_ada.post(page, {"text": "The first version."})
    assert refused.status_code == 422
    assert "Tick that people enter the values" in refused.content.decode()
    as_ada.post(page, {"text": "The first version.", "raw_values": "on"})
    version.refresh_from_db()
    assert version.status == "active"
    other = as_ada.get(address(make_version(), "promote")).content.decode()
    assert "These are raw values" not in other


@pytest.mark.parametrize(
    "fields",
    [
        {"minimum": 5.0, "maximum": 1.0},
        {"default": "old", "requirement": "optional"},
        {"requirement": "optional"},
        {"choices": ["a"], "kind": "choice"},
        {"choices": [], "kind": "choice"},
        {"typical": 500},
    ],
    ids=str,
)
def test_fields_of_an_input_that_contradict_each_other_are_refused(
    db: None, fields: dict[str, Any]
) -> None:
    feature = make_version().features.get(name="age")
    for name, value in fields.items():
        setattr(feature, name, value)
    with pytest.raises(ValidationError):
        feature.full_clean()


def test_a_version_that_ran_is_not_deleted(as_ada: Client, db: None) -> None:
    version = make_version(is_tested=False)
    make_execution(version=version, purpose="test")
    page = as_ada.post(address(version, "discard"), follow=True)
    assert "Only a draft that never ran can be deleted." in page.content.decode()
    assert ModelVersion.objects.filter(pk=version.pk).exists()
