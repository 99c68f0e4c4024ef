"""Numbers on the registry's pages, for a person who chose the decimal comma."""

import re
from dataclasses import replace

import pytest
from django.test import Client

from accounts.models import User
from config.text.numbers import written_with
from models_registry import services
from models_registry.models import ModelVersion
from models_registry.reference.reference_profile import read_reference
from models_registry.revisions import configuration_of
from models_registry.services import ReferenceUpload
from tests.factories import AGE, make_version
from tests.models_registry.admin.test_version_path import inspect

ROWS = b"age,price\n" + b"".join(b"61.25,%d.5\n" % (18_000 + n) for n in range(1200))
WITH_A_POINT = re.compile(r"\d[.]\d{1,2}\b|\d{2},\d{3}\b|\b[1-9],\d{3}\b")
VERSIONS = re.compile(r"scikit-learn \S+|\b\d+\.\d+\.\d+")


@pytest.fixture
def comma(ada: User) -> Client:
    ada.number_format = ","
    ada.save()
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def version(ada: User) -> ModelVersion:
    """A version with a fraction or a thousand in every fact."""
    age = replace(AGE, minimum=0.5, maximum=12_345.5, step=0.5, max_length=None)
    one = make_version(
        features=(age,),
        is_tested=False,
        metrics={"auc": 0.71},
        size=1_450_000,
        task="regression",
        training_config={"data": {"rows": 20_640, "share": 0.25}},
    )
    reference = read_reference([ROWS], target="price")
    services.set_reference(version=one, upload=ReferenceUpload(reference, "r.csv"), by=ada)
    return one


def shown(client: Client, address: str) -> str:
    page = client.get(address)
    assert page.status_code == 200
    body = page.text.partition('id="content"')[2].partition("<form id=")[0]
    body = body.partition("<pre")[0]  # the training configuration as it was uploaded
    return VERSIONS.sub("", re.sub(r"<[^>]*>", " ", body))


@pytest.mark.parametrize(
    "page",
    ["change/?tab=tests", "change/?tab=file", "card/", "reference/", "promote/", "inputs/"],
)
def test_every_number_of_a_versions_pages_has_the_comma_of_its_reader(
    comma: Client, version: ModelVersion, page: str
) -> None:
    inspect(version)

    text = shown(comma, f"/admin/models_registry/modelversion/{version.pk}/{page}")

    assert WITH_A_POINT.findall(text) == []


def test_a_comparison_of_versions_has_the_comma_of_its_reader(
    comma: Client, version: ModelVersion
) -> None:
    age = replace(AGE, minimum=1.5, maximum=12_346.5, step=0.25)
    make_version(model=version.model, features=(age,), metrics={"auc": 0.75}, size=2_450_000)

    text = shown(comma, f"/admin/models_registry/registeredmodel/{version.model_id}/compare/")

    assert "0,5 to 12.345,5" in text
    assert "20.640" in text
    assert WITH_A_POINT.findall(text) == []


def test_a_stored_change_keeps_the_point_whoever_made_it(version: ModelVersion) -> None:
    before = configuration_of(version)
    changed = (replace(before.features[0], minimum=1.5),)

    with written_with(","):
        after = replace(before, features=changed)

        assert "0.5 to 12,345.5" in " ".join(after.changes_since(before))
