"""The demo's invented past: its own models' answers, every row marked, gone by one command."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import OperationalError, ProgrammingError
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from config.demo import past
from executions.models import Execution
from model_host.protocol.codec import from_json
from model_host.protocol.outputs import Outputs
from models_registry.models import Deployment, ModelVersion
from monitoring.models import FailureGroup, SupportRequest
from notifications.models import Notification
from presets.models import Preset
from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_model, make_user, make_version

NO_INCOME = {
    "code": "INPUT",
    "message": "a number above 0 is expected",
    "traceback": "Traceback (most recent call last):\nValueError: Input X contains infinity",
    "input": "income",
    "step": "income.log",
}
ROWS = {
    "iris": [{"inputs": LOAN_INPUTS, "outputs": LOAN_OUTPUTS}] * 20,
    "diabetes": [{"inputs": LOAN_INPUTS, "outputs": LOAN_OUTPUTS}] * 20,
    "loans": [{"inputs": LOAN_INPUTS, "outputs": LOAN_OUTPUTS}] * 40,
    "loans_2": [{"inputs": LOAN_INPUTS, "outputs": LOAN_OUTPUTS}] * 3
    + [{"inputs": LOAN_INPUTS | {"income": 0.0}, "error": NO_INCOME}] * 2,
}


@pytest.fixture
def is_demo(settings: Settings) -> None:
    settings.IS_DEMO = True
    past._seen.clear()


@pytest.fixture
def versions(db: None, is_demo: None) -> dict[str, ModelVersion]:
    """The demo's people and models as `seed_demo` has published them."""
    make_user("user@example.com", name="Uma User")
    admin = make_user("admin@example.com", name="Adam Admin", is_staff=True)
    loans = make_model(name="Loan repayment")
    found = {
        "iris": make_version(is_active=True),
        "diabetes": make_version(is_active=True),
        "loans": make_version(model=loans, is_active=True),
        "loans_2": make_version(model=loans),
    }
    for name in ("iris", "diabetes", "loans"):
        version = found[name]
        action = Deployment.Action.PROMOTION
        Deployment.objects.create(model=version.model, version=version, action=action, by=admin)
    return found


def test_every_answer_of_the_past_is_one_of_the_demos_own_models(tmp_path: Path) -> None:
    few = {"iris": 3, "diabetes": 3, "loans": 3, "loans_2": 30}
    code = f"""from config.demo import train
train.PAST_ROWS = {few}
train.main({str(tmp_path)!r}, has_past=True)"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=settings.BASE_DIR)
    told = {name: json.loads((tmp_path / f"{name}_past.json").read_text()) for name in few}
    assert {name: len(rows) for name, rows in told.items()} == few
    for row in (row for rows in told.values() for row in rows if "outputs" in row):
        assert from_json(Outputs, row["outputs"]).targets
    refused = [row for row in told["loans_2"] if "error" in row]
    assert refused
    assert all(row["inputs"]["income"] == 0 for row in refused)
    assert {row["error"]["input"] for row in refused} == {"income"}


def test_the_past_has_a_rollback_three_kinds_of_failures_presets_and_an_open_request(
    versions: dict[str, ModelVersion],
) -> None:
    past.write(ROWS, versions)
    loans = versions["loans"].model
    assert [one.action for one in loans.deployments.order_by("started_at")] == [
        "promotion", "promotion", "rollback",
    ]  # fmt: skip
    states = FailureGroup.objects.order_by("state").values_list("state", flat=True)
    assert list(states) == ["new", "regressed", "resolved"]
    assert SupportRequest.objects.get().state == "open"
    assert Preset.objects.filter(user__email="user@example.com").exists()
    asked = Execution.objects.order_by("requested_at").values_list("requested_at", flat=True)
    assert 20 < (asked[len(asked) - 1] - asked[0]).days < 31


def test_the_news_of_the_past_is_as_old_as_its_deployments_and_sends_no_mail(
    client: Client, versions: dict[str, ModelVersion]
) -> None:
    past.write(ROWS, versions)
    rollback = versions["loans"].model.deployments.get(action="rollback")
    user = User.objects.get(email="user@example.com")
    news = Notification.objects.get(user=user, read_at=None)
    assert (news.title, news.created_at) == ("Loan repayment: back to v1", rollback.started_at)
    assert not Notification.objects.due_by_mail().exists()
    versions["loans"].refresh_from_db()
    assert versions["loans"].deployed_at == rollback.started_at


def test_every_page_says_that_the_past_is_invented(
    client: Client, versions: dict[str, ModelVersion]
) -> None:
    past.write(ROWS, versions)
    client.force_login(User.objects.get(email="user@example.com"))
    assert b"are invented" in client.get("/history/").content
    client.force_login(User.objects.get(email="admin@example.com"))
    assert b"are invented" in client.get("/admin/").content


def test_one_command_takes_the_past_and_its_people_away(
    client: Client, versions: dict[str, ModelVersion]
) -> None:
    before = _counts()
    past.write(ROWS, versions)
    call_command("demo_past", remove=True, stdout=StringIO())
    left = {name: count for name, count in _counts().items() if count != before[name]}
    # The record of which version was live stays, with what the demo's own two people were told of
    # it, and what the dashboard has counted anew.
    assert left == {
        "models_registry.deployment": before["models_registry.deployment"] + 2,
        "notifications.notification": before["notifications.notification"] + 4,
    }
    client.force_login(User.objects.get(email="user@example.com"))
    past._seen.clear()
    assert b"are invented" not in client.get("/history/").content


def test_a_prediction_of_the_demos_user_stays_when_the_past_goes(
    versions: dict[str, ModelVersion],
) -> None:
    past.write(ROWS, versions)
    invented = Execution.objects.filter(user__email="user@example.com")[0]
    own = Execution.objects.create(
        user=invented.user, version=invented.version, inputs=LOAN_INPUTS, inputs_sha256="own",
        deadline=invented.deadline,
    )  # fmt: skip
    past.remove()
    assert list(Execution.objects.all()) == [own]


def test_records_stand_again_once_the_past_is_written(versions: dict[str, ModelVersion]) -> None:
    past.write(ROWS, versions)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        Deployment.objects.update(text="Another story")
    with pytest.raises(ProgrammingError, match="is finished"), transaction.atomic():
        Execution.objects.update(status="canceled")


def test_where_there_is_no_demo_nothing_is_invented_and_no_page_asks(
    client: Client, settings: Settings, db: None
) -> None:
    settings.IS_DEMO = False
    with connection.execute_wrapper(_refuse):
        assert not past.is_said()
    with pytest.raises(CommandError, match="demo is off"):
        call_command("demo_past", remove=True)


def test_while_the_database_is_away_the_page_that_says_so_says_nothing_of_the_past(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    settings.IS_DEMO = True
    monkeypatch.setattr(past, "_seen", {})
    with connection.execute_wrapper(_is_away):
        assert not past.is_said()


def _is_away(*_: Any) -> None:
    raise OperationalError("the connection is closed")


def _refuse(*_: Any) -> None:
    raise AssertionError("the database was asked")


def _counts() -> dict[str, int]:
    return {
        model._meta.label_lower: model._base_manager.count()
        for model in apps.get_models()
        if not model._meta.label_lower.startswith(("monitoring.day", "monitoring.countedzone"))
    }
