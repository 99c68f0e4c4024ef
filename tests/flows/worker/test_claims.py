"""The flows of the product are those that the worker runs and that Prefect is given."""

import importlib
import pkgutil

import pytest
from django.core.management import call_command
from prefect import Flow

import flows
from flows.worker.slots import CLAIMS
from tests.fake_prefect import FakePrefect


def test_the_worker_claims_every_flow() -> None:
    names = [module.name for module in pkgutil.walk_packages(flows.__path__, "flows.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    found = {one for module in modules for one in vars(module).values() if isinstance(one, Flow)}
    assert {f"{flow.fn.__module__}.{flow.fn.__name__}" for flow in found} == CLAIMS.keys()


@pytest.mark.usefixtures("active_version")
def test_prefect_is_given_a_deployment_of_every_flow(
    fake_prefect: FakePrefect, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("sync_prefect")
    given = {asked["entrypoint"] for asked in fake_prefect.deployments.values()}
    assert given == CLAIMS.keys()
    assert f"{len(fake_prefect.deployments)} deployments are in Prefect" in capsys.readouterr().out
