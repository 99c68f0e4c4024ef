import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from accounts.models import ActivityEvent, User
from executions import services
from executions.errors import AlreadyFinished, NoActiveVersion, QueueFull, TooManyRequests
from executions.models import Execution
from models_registry.errors import NotInspected
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.inputs.input_schema import CleanedInputs, InputSchema
from models_registry.models import ModelVersion
from tests.factories import (
    LOAN_FEATURES,
    LOAN_INPUTS,
    LOAN_OUTPUTS,
    make_execution,
    make_user,
    make_version,
)

INPUTS = InputSchema(LOAN_FEATURES).clean(LOAN_INPUTS)


def request(user: User, version: ModelVersion, **fields: object) -> Execution:
    arguments = {"inputs": INPUTS, "form_token": uuid.uuid4()} | fields
    return services.request_execution(user=user, version=version, **arguments)  # type: ignore[arg-type]


def test_a_request_is_one_queued_row_pinned_to_its_version(
    alice: User, active_version: ModelVersion
) -> None:
    execution = request(alice, active_version)
    execution.refresh_from_db()
    assert (execution.status, execution.attempt) == ("queued", 1)
    assert execution.inputs == LOAN_INPUTS
    assert execution.version_sha256 == active_version.sha256
    assert execution.deadline > execution.requested_at
    assert ActivityEvent.objects.get().action == "prediction requested"


def test_the_same_form_with_the_same_inputs_is_the_same_execution(
    alice: User, active_version: ModelVersion
) -> None:
    token = uuid.uuid4()
    twins = [request(alice, active_version, form_token=token) for _ in range(2)]
    assert twins[0] == twins[1]
    assert Execution.objects.count() == 1


def test_the_same_form_with_another_value_is_another_execution(
    alice: User, active_version: ModelVersion
) -> None:
    token = uuid.uuid4()
    request(alice, active_version, form_token=token)
    other = CleanedInputs(LOAN_INPUTS | {"age": 35.0}, {})
    request(alice, active_version, form_token=token, inputs=other)
    assert Execution.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_eight_clicks_at_once_are_one_execution() -> None:
    user, version, token = make_user(), make_version(is_active=True), uuid.uuid4()

    def click(_: int) -> uuid.UUID:
        try:
            return request(user, version, form_token=token).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(click, range(8)))) == 1


def test_a_version_that_is_not_live_runs_only_as_a_test(alice: User, ada: User) -> None:
    version = make_version()
    with pytest.raises(NoActiveVersion):
        request(alice, version)
    assert request(ada, version, purpose=Execution.Purpose.TEST).purpose == "test"


def test_a_version_that_was_not_inspected_runs_not_even_as_a_test(ada: User) -> None:
    with pytest.raises(NotInspected):
        request(ada, make_version(container=""), purpose=Execution.Purpose.TEST)


def test_over_the_rate_a_person_waits_and_others_do_not(
    alice: User, bob: User, active_version: ModelVersion, settings: Settings
) -> None:
    settings.PREDICTIONS_PER_MINUTE = 2
    for _ in range(2):
        request(alice, active_version)
    with pytest.raises(TooManyRequests) as error:
        request(alice, active_version)
    assert 0 < error.value.seconds <= 60
    request(bob, active_version)
    assert Execution.objects.filter(user=alice).count() == 2


@pytest.mark.parametrize("setting", ["MAX_QUEUED", "MAX_QUEUED_PER_USER"])
def test_a_full_queue_takes_nothing(
    alice: User, active_version: ModelVersion, settings: Settings, setting: str
) -> None:
    setattr(settings, setting, 1)
    request(alice, active_version)
    with pytest.raises(QueueFull):
        request(alice, active_version)
    assert Execution.objects.count() == 1


@pytest.mark.parametrize("status", ["queued", "running"])
def test_what_is_not_finished_can_be_canceled(
    alice: User, active_version: ModelVersion, status: str
) -> None:
    execution = make_execution(user=alice, version=active_version, status=status)
    assert services.cancel_execution(execution=execution, by=alice).status == "canceled"


def test_what_is_finished_cannot_be_canceled(alice: User, active_version: ModelVersion) -> None:
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    with pytest.raises(AlreadyFinished):
        services.cancel_execution(execution=execution, by=alice)


numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd"), min_size=1
).filter(str.strip)


@hypothesis_settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers, st.integers(-(2**53), 2**53), st.booleans(), texts)
def test_any_valid_inputs_come_back_from_the_database_as_they_went_in(
    db: None, number: float, whole: int, flag: bool, text: str
) -> None:
    features = (
        FeatureSpec("a", "A", Kind.FLOAT),
        FeatureSpec("b", "B", Kind.INTEGER),
        FeatureSpec("c", "C", Kind.BOOLEAN),
        FeatureSpec("d", "D", Kind.STRING),
    )
    schema = InputSchema(features)
    cleaned = schema.clean({"a": number, "b": whole, "c": flag, "d": text})
    version = make_version(features=features, is_active=True)
    execution = request(make_user(), version, inputs=cleaned)
    stored = Execution.objects.get(pk=execution.pk).inputs
    back = schema.read(stored or {})
    assert back == cleaned.values
    assert json.dumps(back) == json.dumps(cleaned.values)
    assert [type(value) for value in back.values()] == [float, int, bool, str]
