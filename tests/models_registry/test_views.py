"""The pages about a model for the people who use it."""

import pytest
from django.test import Client

from accounts.models import User
from executions.models import Execution
from models_registry import services
from models_registry.models import ModelVersion, RegisteredModel
from notifications.models import Context, Notification, Preference
from notifications.services import notify_everyone
from tests.factories import LOAN_OUTPUTS, make_execution, make_version


@pytest.fixture
def retired(active_version: ModelVersion, ada: User, alice: User) -> ModelVersion:
    """The version of a retired model, whose deployment was announced before."""
    notify_everyone(
        kind=Notification.Kind.DEPLOYMENT,
        cause="before",
        title="New model available",
        context=Context(model=active_version.model.name, model_id=active_version.model_id),
    )
    services.retire(model=active_version.model, reason="The data ended.", by=ada)
    return active_version


@pytest.mark.parametrize("page", ["", "about/"])
def test_the_address_of_a_retired_model_says_since_when_and_leads_on(
    as_alice: Client, retired: ModelVersion, page: str
) -> None:
    other = make_version(is_active=True).model
    answer = as_alice.get(f"/models/{retired.model.slug}/{page}")
    shown = answer.content.decode()
    assert answer.status_code == 410
    assert "no-store" in answer["Cache-Control"]
    assert f"{retired.model.name} is not available" in shown
    assert "It has not been available since" in shown
    assert "The data ended." in shown
    assert "Your history is kept" in shown
    assert 'href="/history/"' in shown
    assert f'href="/models/{other.slug}/"' in shown


def test_a_submit_to_a_retired_model_runs_nothing_and_says_the_same(
    as_alice: Client, retired: ModelVersion
) -> None:
    answer = as_alice.post(f"/models/{retired.model.slug}/", {"f0": "3"})
    assert answer.status_code == 410
    assert not Execution.objects.exists()


def test_a_model_that_was_never_live_is_not_there(as_alice: Client) -> None:
    draft = make_version()
    assert as_alice.get(f"/models/{draft.model.slug}/").status_code == 404


def test_a_retired_model_that_comes_back_has_its_form_again(
    as_alice: Client, retired: ModelVersion
) -> None:
    ModelVersion.objects.filter(pk=retired.pk).update(status=ModelVersion.Status.ACTIVE)
    assert as_alice.get(f"/models/{retired.model.slug}/").status_code == 200


def test_a_prediction_of_a_retired_model_stays_open(
    as_alice: Client, alice: User, retired: ModelVersion
) -> None:
    execution = make_execution(version=retired, user=alice, outputs=LOAN_OUTPUTS)
    assert as_alice.get(f"/predictions/{execution.pk}/").status_code == 200


def test_retiring_withdraws_the_banner_and_tells_people_by_bell_and_mail(
    as_alice: Client, alice: User, retired: ModelVersion
) -> None:
    assert not Notification.objects.announced().exists()
    told = Notification.objects.get(user=alice, kind="retirement")
    assert told.title == f"{retired.model} is not available any more"
    assert told.text.startswith("The data ended.")
    assert told.mail_due_at is not None


def test_who_switched_these_notices_off_is_not_told(
    active_version: ModelVersion, ada: User, alice: User
) -> None:
    for channel in ("in_app", "email"):
        Preference.objects.create(user=alice, kind="retirement", channel=channel)
    services.retire(model=active_version.model, reason="The data ended.", by=ada)
    assert not Notification.objects.filter(user=alice, kind="retirement").exists()


def test_the_admins_page_says_who_can_use_a_model(as_ada: Client, retired: ModelVersion) -> None:
    def page(model: RegisteredModel) -> str:
        return as_ada.get(
            f"/admin/models_registry/registeredmodel/{model.pk}/change/"
        ).content.decode()

    assert "Nobody can use this model: it has been retired since" in page(retired.model)
    assert "no version of it is active" in page(make_version().model)
    assert "can use this model, with v1." in page(make_version(is_active=True).model)
