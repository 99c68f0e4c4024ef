"""The pages of a comparison."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ActivityEvent, User
from executions.models import Execution
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.models import ModelVersion
from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_execution, make_version
from tests.pdf_text import pages_of, text_of


def make_two(alice: User, version: ModelVersion, **changes: Any) -> list[Execution]:
    """Create two executions: the older one with age 34, the newer one with age 40."""
    older = make_execution(
        user=alice,
        version=version,
        outputs=LOAN_OUTPUTS,
        requested_at=timezone.now() - timedelta(days=1),
    )
    fields = {"inputs": LOAN_INPUTS | {"age": 40.0}, "outputs": LOAN_OUTPUTS, **changes}
    return [older, make_execution(user=alice, version=version, **fields)]


def address(executions: list[Execution], name: str = "compare", **query: str) -> str:
    ids = "&".join(f"ids={execution.pk}" for execution in executions)
    more = "".join(f"&{key}={value}" for key, value in query.items())
    return f"{reverse(f'executions:{name}')}?{ids}{more}"


def test_differences_come_first_and_the_rest_is_folded(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    page = as_alice.get(address(make_two(alice, active_version))).content.decode()
    assert "+6 (+18 %)" in page
    assert "3 identical inputs" in page
    assert "Self-employed" not in page


def test_all_inputs_are_one_click_away(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    page = as_alice.get(address(make_two(alice, active_version), all="1")).content.decode()
    assert "Self-employed" in page


def test_the_oldest_is_the_baseline_until_another_is_chosen(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    older, newer = make_two(alice, active_version)
    page = as_alice.get(address([newer, older]))
    assert page.context["asked"].executions == [older, newer]
    page = as_alice.get(address([newer, older], baseline=str(newer.pk)))
    assert page.context["asked"].executions == [newer, older]


def test_different_versions_are_named(as_alice: Client, alice: User) -> None:
    older = make_version(is_active=False)
    newer = make_version(model=older.model, is_active=True)
    executions = [
        make_execution(user=alice, version=version, outputs=LOAN_OUTPUTS)
        for version in (older, newer)
    ]
    page = as_alice.get(address(executions)).content.decode()
    assert "Made with different versions" in page
    assert "Differences may come from the model" in page


def test_different_models_are_not_compared(as_alice: Client, alice: User) -> None:
    executions = [make_execution(user=alice, outputs=LOAN_OUTPUTS) for _ in range(2)]
    page = as_alice.get(address(executions))
    assert page.status_code == 422
    assert "different models" in page.content.decode()


def test_what_still_runs_is_not_compared(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    waiting = make_execution(user=alice, version=active_version)
    done = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    page = as_alice.get(address([waiting, done]))
    assert f"{waiting.public_id} is not finished yet." in page.content.decode()


def test_one_alone_is_not_compared(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    page = as_alice.get(address(make_two(alice, active_version)[:1]))
    assert "Choose two or three" in page.content.decode()


def test_a_fourth_is_left_out_and_that_is_said(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    executions = make_two(alice, active_version) + make_two(alice, active_version)
    page = as_alice.get(address(executions))
    assert len(page.context["asked"].executions) == 3
    assert "the others were left out" in page.content.decode()


def test_another_persons_prediction_is_not_there(
    as_alice: Client, alice: User, bob: User, active_version: ModelVersion
) -> None:
    mine = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    his = make_execution(user=bob, version=active_version, outputs=LOAN_OUTPUTS)
    assert as_alice.get(address([mine, his])).status_code == 404
    for name in ("compare_csv", "compare_pdf"):
        assert as_alice.post(address([mine, his], name)).status_code == 404


def test_a_deleted_prediction_is_not_there(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    executions = make_two(alice, active_version, deleted_at=timezone.now())
    assert as_alice.get(address(executions)).status_code == 404


def test_the_csv_has_a_row_for_each_field_and_a_column_for_each_prediction(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    executions = make_two(alice, active_version)
    answer = as_alice.post(address(executions, "compare_csv"))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    table = {row[0]: row[1:] for row in csv.reader(io.StringIO(text))}
    first, second = (execution.public_id for execution in executions)
    assert table["field"] == [first, second, f"delta {second}", f"delta_percent {second}"]
    assert table["input.age"] == ["34.0", "40.0", "6.0", "17.6470588235"]
    assert table["input.income"] == ["41500.0", "41500.0", "0.0", "0.0"]
    assert table["input.work"] == ["self", "self", "", ""]
    assert table["prediction"] == ["Repays", "Repays", "", ""]
    assert table["confidence"] == ["0.834", "0.834", "0.0", "0.0"]
    assert ActivityEvent.objects.filter(action="predictions exported").count() == 1


def test_who_writes_numbers_with_a_comma_reads_them_so_and_the_csv_keeps_the_point(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    User.objects.filter(pk=alice.pk).update(number_format=",")
    inputs = LOAN_INPUTS | {"age": 40.5, "income": 1234567.5}
    executions = make_two(alice, active_version, inputs=inputs)
    page = as_alice.get(address(executions)).content.decode()
    assert "+6,5 (+19 %)" in page
    assert "1.234.567,5" in page
    assert "83,4 %" in page
    answer = as_alice.post(address(executions, "compare_csv"))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    table = {row[0]: row[1:] for row in csv.reader(io.StringIO(text))}
    assert table["input.age"] == ["34.0", "40.5", "6.5", "19.1176470588"]
    assert table["confidence"][:2] == ["0.834", "0.834"]


def test_the_csv_says_intervals_and_how_far_numbers_are_as_numbers(
    as_alice: Client, alice: User
) -> None:
    version = make_version(targets=(TargetSpec("price", unit="€"),), is_active=True)
    executions = [
        make_execution(user=alice, version=version, outputs=made_of(value), requested_at=at)
        for value, at in ((0.0, timezone.now() - timedelta(days=1)), (412300.5, timezone.now()))
    ]
    answer = as_alice.post(address(executions, "compare_csv"))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    table = {row[0]: row[1:] for row in csv.reader(io.StringIO(text))}
    assert table["prediction"] == ["0.0", "412300.5", "412300.5", ""]  # no percentage of nothing
    assert table["interval_low"] == ["-40.0", "412260.5", "412300.5", "1030751.25"]
    assert table["interval_high"][:2] == ["40.0", "412340.5"]
    assert "'" not in text
    page = as_alice.get(address(executions)).content.decode()
    assert "412,300" in page
    assert "e+" not in page


def made_of(value: float) -> dict[str, Any]:
    interval = {"low": value - 40, "high": value + 40, "level": 0.9, "source": "model"}
    target = {"name": "price", "value": value, "interval": interval}
    return {"task": "regression", "targets": [target]}


def test_the_pdf_carries_the_differences_the_chart_and_all_inputs(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    executions = make_two(alice, active_version)
    text = text_of(as_alice.post(address(executions, "compare_pdf")).content)
    for words in ("Comparison of 2 predictions", "Alice Aoki", executions[0].public_id,
                  "+6 (+18 %)", "Probability of each outcome", "83.4", "All inputs",
                  "Self-employed", "Page 1 of"):  # fmt: skip
        assert words in text


def test_no_chart_says_that_a_model_is_certain(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    shares = [{"value": 0, "probability": 0.99999}, {"value": 1, "probability": 0.00001}]
    target = {**LOAN_OUTPUTS["targets"][0], "confidence": 0.99999, "probabilities": shares}  # type: ignore[index]
    outputs = LOAN_OUTPUTS | {"targets": [target]}
    executions = [
        make_execution(user=alice, version=active_version, outputs=outputs) for _ in range(2)
    ]
    points = as_alice.get(address(executions)).context["chart"].points
    assert [text for _, text in points[0].cells] == ["> 99.9", "< 0.1"]
    paper = text_of(as_alice.post(address(executions, "compare_pdf")).content)
    assert "> 99.9" in paper
    assert "100.0" not in paper


def test_one_prediction_on_paper_says_answer_confidence_and_inputs(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    text = text_of(as_alice.post(reverse("executions:pdf", args=[execution.pk])).content)
    for words in ("Repays", "83.4 %", "Self-employed", execution.public_id, "v1"):
        assert words in text


@pytest.mark.parametrize("count", [23, *range(36, 44)])
def test_no_page_of_a_printed_prediction_holds_a_line_or_two_alone(
    as_alice: Client, alice: User, count: int
) -> None:
    features = tuple(FeatureSpec(f"n{n}", f"Input {n:02}", Kind.FLOAT) for n in range(count))
    version = make_version(features=features, is_active=True)
    inputs = {feature.name: 1.0 for feature in features}
    execution = make_execution(user=alice, version=version, inputs=inputs, outputs=LOAN_OUTPUTS)

    pages = pages_of(as_alice.post(reverse("executions:pdf", args=[execution.pk])).content)

    assert sum(page.count("Input ") for page in pages) == count
    for page in pages:
        assert "Repays" in page or page.count("Input ") >= 3
    assert any("Printed by" in page and "Repays" in page for page in pages)
