"""US-4.1: an admin sees usage, response times and error rates."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from executions import lifecycle
from executions.lifecycle import Failure
from models_registry import services
from models_registry.models import ModelVersion
from monitoring.dashboard import rollup
from monitoring.models import DayTotal
from tests.factories import LOAN_ANSWER, make_version
from tests.journeys.test_us_3_3 import predict, run


def test_us_4_1_what_people_run_is_on_the_dashboard_at_once(
    as_alice: Client, as_ada: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "MARGIN", -timedelta(minutes=1))
    version = make_version()
    services.promote(version=version, text="First version", by=ada)
    run(predict(as_alice, version, "0" * 32))
    run(predict(as_alice, version, "1" * 32))
    run(predict(as_alice, version, "2" * 32), Failure("MODEL", "ValueError: no", "Traceback …"))
    predict(as_alice, version, "3" * 32, f0="71")
    for _ in range(2):  # counted live, and again once the day is kept
        response = as_ada.get("/monitoring/")
        page = response.content.decode()
        now = response.context["now"]
        assert (now.executions, now.cell.succeeded, now.cell.failed, now.open) == (4, 2, 1, 1)
        numbers = {number.name: number.value for number in response.context["numbers"]}
        assert numbers["Success rate"] == "66.7"
        assert numbers["Error rate"] == "33.3"
        assert "1 failed, 0 canceled, 1 running" in page
        assert [entry.count for entry in response.context["errors"]] == [1]
        assert [entry.text for entry in response.context["people"]] == ["Alice Aoki"]
        assert [one.count for one in response.context["use"].combinations] == [3]
        assert [one.version for one in response.context["deployments"]] == [version]
        rollup.keep_up()
    assert sum(DayTotal.objects.values_list("succeeded", flat=True)) == 2


def test_us_4_1_the_rate_recovers_where_an_admin_looks(
    as_alice: Client, as_ada: Client, active_version: ModelVersion
) -> None:
    failing = predict(as_alice, active_version, "0" * 32)
    run(failing, Failure("MODEL", "ValueError: no", "Traceback …"))
    today = timezone.localdate()
    address = f"/monitoring/?from={today}&to={today}&model={active_version.model.slug}"
    assert as_ada.get(address).context["numbers"][3].value == "100"
    for token in ("1", "2", "3"):
        execution = predict(as_alice, active_version, token * 32)
        claimed = lifecycle.mark_running(execution.pk, attempt=1, owner="worker")
        assert claimed is not None
        lifecycle.mark_succeeded(claimed, owner="worker", outputs=LOAN_ANSWER, warnings=[])
    response = as_ada.get(address)
    assert response.context["numbers"][3].value == "25.0"
    assert response.context["period"].unit.value == "hour"
    assert sum(point.figures.decided for point in response.context["points"]) == 4


def test_us_4_1_only_admins_may_look(as_alice: Client) -> None:
    assert as_alice.get("/monitoring/").status_code == 404
    assert "Monitoring" not in as_alice.get("/history/").content.decode()
