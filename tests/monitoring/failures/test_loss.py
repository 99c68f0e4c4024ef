"""The value that a step lost: what a failure's pages say of it, and the bound that refuses it."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from executions.models import Execution
from model_host.protocol.codec import to_json
from model_host.protocol.trace import LostValue, StepTrace, Trace
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.models import ModelVersion
from monitoring.failures.collecting import collect
from monitoring.failures.loss import loss_of
from monitoring.models import FailureGroup
from tests.factories import make_execution, make_version

VISITORS = FeatureSpec("visitors", "Visitors", Kind.INTEGER)
PRICE = FeatureSpec("price", "Price", Kind.FLOAT)
SAID = "Visitors: a number above 0 is expected"
LOST = LostValue(0, "", "-inf", ("visitors",))


def trace(lost: LostValue = LOST) -> dict[str, Any]:
    """The trace of a model whose step log lost a value."""
    prepare = StepTrace(
        "prepare", "ColumnTransformer", 2.0, (1, 4), minimum=0.0, maximum=1.36,
        lost=(replace(lost, inputs=("visitors", "price")),), lost_count=1, has_lost=True,
    )  # fmt: skip
    log = StepTrace(
        "prepare.log", "FunctionTransformer", 1.0, (1, 1), lost=(lost,), lost_count=1, has_lost=True
    )
    whole = StepTrace("", "Pipeline", 3.0, has_failed=True)
    scaler = StepTrace("prepare.num", "StandardScaler", 1.0, (1, 1), minimum=1.36, maximum=1.36)
    steps = (whole, prepare, log, scaler, StepTrace("model", "Ridge", 0.1, has_failed=True))
    found: dict[str, Any] = to_json(Trace("full", steps, failing_step="model"))
    return found


@pytest.fixture
def version(db: None) -> ModelVersion:
    return make_version(features=(VISITORS, PRICE), targets=(), is_active=True, task="regression")


def fail(version: ModelVersion, user: User, **fields: Any) -> Execution:
    defaults = {"error_code": "INPUT", "message": SAID, "inputs": {"visitors": 0, "price": 80.0}}
    return make_execution(version=version, user=user, **defaults | fields)


def replayed(failure: Execution, ada: User, **fields: Any) -> Execution:
    shown = {"message": SAID, "diagnostics": trace()} | fields
    assert failure.user is not None
    return fail(failure.version, ada, purpose="replay", replay_of=failure, **shown)


def group_page(client: Client) -> str:
    collect()
    return client.get(f"/monitoring/failures/{FailureGroup.objects.get().pk}/").content.decode()


def test_a_replay_says_first_which_value_was_lost_where_and_what_lay_beside_it(
    as_ada: Client, ada: User, alice: User, version: ModelVersion
) -> None:
    replay = replayed(fail(version, alice), ada)
    shown = as_ada.get(f"/monitoring/replays/{replay.pk}/").content.decode()
    for text in (
        "Visitors = 0 became −∞ in step log.",
        "prepare: −∞ in 1 of 4 columns: log(Visitors). The other values are 0 to 1.36.",
        "Set minimum 1 on the next version",
        "−∞: log(Visitors)",
    ):
        assert text in shown
    assert shown.count('<tr class="lost">') == 1
    assert shown.index("became −∞") < shown.index("steps-h")


def test_a_failure_says_what_its_replay_proved(
    as_ada: Client, ada: User, alice: User, version: ModelVersion
) -> None:
    failure = fail(version, alice)
    assert "Visitors = 0: a number above 0 is expected." in group_page(as_ada)
    replayed(failure, ada)
    assert "Visitors = 0 became −∞ in step log." in group_page(as_ada)


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [
        (LostValue(0, "", "nan", ("price",)), "Price = 80 became NaN in step log."),
        (LostValue(0, "", "inf", ("visitors", "price")),
         "Visitors = 0 and Price = 80 became ∞ in step log."),
        (LostValue(0, "", "inf"), "A number became ∞ in step log."),
    ],
)  # fmt: skip
def test_infinite_and_missing_numbers_of_any_inputs_are_told(
    alice: User, version: ModelVersion, lost: LostValue, sentence: str
) -> None:
    loss = loss_of(fail(version, alice, error_code="MODEL", diagnostics=trace(lost)))
    assert loss is not None
    assert loss.sentence == sentence


def test_a_sensitive_value_is_not_told(alice: User, db: None) -> None:
    secret = (replace(VISITORS, is_sensitive=True), PRICE)
    version = make_version(features=secret, targets=(), is_active=True)
    assert loss_of(fail(version, alice)) is None
    assert loss_of(fail(version, alice, diagnostics=trace())) is None


def test_the_bound_is_set_on_the_next_version_once_its_effect_was_shown(
    as_ada: Client, alice: User, version: ModelVersion
) -> None:
    failure = fail(version, alice)
    collect()
    address = f"/monitoring/predictions/{failure.pk}/bound/"
    shown = as_ada.get(address).content.decode()
    for text in ("Set minimum 1 for Visitors", "until you test the draft and promote it"):
        assert text in shown
    assert ModelVersion.objects.filter(model=version.model).count() == 1
    response = as_ada.post(address)
    draft = ModelVersion.objects.get(model=version.model, status="draft")
    assert response["Location"] == f"/admin/models_registry/modelversion/{draft.pk}/change/"
    assert draft.features.get(name="visitors").minimum == 1
    assert version.features.get(name="visitors").minimum is None
    note = FailureGroup.objects.get().notes.first()
    assert note is not None
    assert note.text == f"Set minimum 1 for Visitors on {draft.short_name}."


def test_a_failure_without_a_known_bound_leads_back(
    as_ada: Client, alice: User, version: ModelVersion
) -> None:
    failure = fail(version, alice, error_code="MODEL", message="KeyError: 'x'")
    collect()
    response = as_ada.get(f"/monitoring/predictions/{failure.pk}/bound/")
    group = FailureGroup.objects.get()
    assert response["Location"] == f"/monitoring/failures/{group.pk}/?example={failure.pk}"
    assert "on the next version" not in group_page(as_ada)
