from typing import Any

from executions.results.presentation import Row, rows
from models_registry.inputs.feature_spec import TargetSpec
from models_registry.models import ModelVersion
from tests.factories import LOAN_OUTPUTS, make_execution, make_user, make_version


def row_of(version: ModelVersion, **outputs: Any) -> Row:
    execution = make_execution(user=make_user(), version=version, outputs=outputs)
    (row,) = rows([execution])
    return row


def test_a_list_says_the_confidence_of_a_class(active_version: ModelVersion) -> None:
    row = row_of(active_version, **LOAN_OUTPUTS)
    assert (row.certainty_name, row.certainty) == ("Model confidence", "83.4 %")


def test_a_list_says_the_interval_of_a_number_without_its_unit(db: None) -> None:
    version = make_version(targets=(TargetSpec("progression", unit="points"),))
    interval = {"low": 118.04, "high": 245.2, "level": 0.9, "source": "reference"}
    row = row_of(
        version,
        task="regression",
        targets=[{"name": "progression", "value": 181.6, "interval": interval}],
    )
    assert row.result == "181.6 points"
    assert (row.certainty_name, row.certainty) == ("90 % interval", "118.0 to 245.2")


def test_a_list_says_nothing_where_the_model_says_nothing(db: None) -> None:
    version = make_version()
    row = row_of(version, task="regression", targets=[{"name": "progression", "value": 181.6}])
    assert (row.certainty_name, row.certainty) == ("", "")
