"""Messages between the worker and a process that a model may have taken over."""

import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_host import client, wire
from model_host.protocol import codec
from model_host.protocol.artifact import Artifact, Limits, LoadReport
from model_host.protocol.errors import HostError
from model_host.protocol.examination import (
    Examination,
    ProposedChoice,
    ProposedFeature,
    ProposedTarget,
    Step,
)
from model_host.protocol.inputs import Column, Kind, Requirement, Scalar
from model_host.protocol.outputs import ClassProbability, Interval, Outputs, TargetOutput
from model_host.structure.report_limits import SENTENCE

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
number = st.floats(allow_nan=False, allow_infinity=False)
scalar = st.none() | st.booleans() | st.integers() | number | text
outputs = st.builds(
    Outputs,
    targets=st.lists(
        st.builds(
            TargetOutput,
            name=text,
            value=scalar,
            confidence=st.none() | number,
            probabilities=st.lists(
                st.builds(ClassProbability, value=scalar, probability=number)
            ).map(tuple),
            interval=st.none()
            | st.builds(Interval, low=number, high=number, level=number, source=text),
            score=st.none() | number,
            text=text,
        )
    ).map(tuple),
    warnings=st.lists(text).map(tuple),
    notes=st.lists(text).map(tuple),
    seconds=number,
)

EXAMINATION = Examination(
    estimator="Pipeline",
    task="classification",
    container="frame",
    features=(
        ProposedFeature(
            "size", Kind.FLOAT, Requirement.MAY_BE_MISSING, 0.5, 7, sources={"kind": "scaler"}
        ),
        ProposedFeature("flag", Kind.BOOLEAN, choices=(ProposedChoice(True, "yes"),), default=True),
    ),
    targets=(ProposedTarget("y", (1, 2.5, "a", None, True)),),
    gives_probabilities=True,
    gives_interval=False,
    steps=(Step("pre.scale", "StandardScaler", ("size",)),),
    libraries_trained={"scikit-learn": "1.9.1"},
    libraries_running={},
    smoke_inputs={"size": None, "flag": True},
    smoke_outputs=Outputs("classification", (TargetOutput("y", 1),)),
)


def crossed(value: Any) -> Any:
    """``value`` after the whole way: dataclass, bytes, dataclass."""
    body = wire.frame(codec.to_json(value))[wire.MESSAGE_LENGTH.size :]
    return codec.from_json(type(value), wire.parse(body))


@given(outputs)
def test_any_outputs_arrive_as_they_were_sent(sent: Outputs) -> None:
    arrived = crossed(sent)

    assert arrived == sent
    assert [type(target.value) for target in arrived.targets] == [
        type(target.value) for target in sent.targets
    ]


def test_an_examination_arrives_as_it_was_sent() -> None:
    assert crossed(EXAMINATION) == EXAMINATION


def test_an_error_arrives_with_all_it_says() -> None:
    system = (("os", "system"),)
    sent = HostError("LOAD", "no", traceback="line", refused=system, absent=system, input="size")

    arrived = wire.error_from_json(wire.parse(json.dumps(wire.error_to_json(sent)).encode()))

    assert vars(arrived) == vars(sent)


def test_an_error_is_cut_to_size_and_made_printable() -> None:
    sent = HostError(
        "LOAD",
        "\0\ud800" + "m" * 10_000,
        traceback="first" + "t" * 50_000 + "last",
        refused=(("os", "x" * 10_000),) * 10_000,
    )

    arrived = wire.error_from_json(wire.error_to_json(sent))

    assert arrived.message.startswith("\\x00\\ud800mmm")
    assert arrived.traceback.endswith("last")
    assert len(json.dumps(wire.error_to_json(sent))) < 200_000


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_number_that_is_not_finite_is_not_sent(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        codec.to_json(TargetOutput("y", value))


@pytest.mark.parametrize("value", [np.int64(1), np.bool_(True), b"x", 1j, object(), {1, 2}])
def test_a_value_that_is_not_plain_is_not_sent(value: Any) -> None:
    with pytest.raises(TypeError, match="does not travel"):
        codec.to_json(TargetOutput("y", value))


def test_a_message_over_its_limit_is_not_sent() -> None:
    with pytest.raises(codec.MalformedMessage, match="12 bytes"):
        wire.frame("x" * 10, limit=11)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"NaN", b"[Infinity]", b"[" * 200_000, b'"' + b"x", b"1" * 5000],
    ids=lambda body: repr(body[:10]),
)
def test_bytes_that_are_not_plain_json_are_refused(body: bytes) -> None:
    with pytest.raises(codec.MalformedMessage):
        wire.parse(body)


REPORT = codec.to_json(LoadReport((("os", "system"),), 1.5, 7))


@pytest.mark.parametrize(
    "changed",
    [
        None,
        [],
        "report",
        {key: value for key, value in REPORT.items() if key != "seconds"},
        REPORT | {"more": 1},
        REPORT | {"seconds": "1"},
        REPORT | {"seconds": True},
        REPORT | {"seconds": float("inf")},
        REPORT | {"seconds": 10**400},
        REPORT | {"memory_bytes": 1.5},
        REPORT | {"memory_bytes": False},
        REPORT | {"types": "os"},
        REPORT | {"types": [["os"]]},
        REPORT | {"types": [["os", "system", "more"]]},
        REPORT | {"types": [["os", None]]},
        REPORT | {"types": [["os", "a\0b"]]},
        REPORT | {"types": [["os", "\udc80"]]},
    ],
    ids=repr,
)
def test_a_value_against_the_contract_is_refused(changed: object) -> None:
    assert codec.from_json(LoadReport, REPORT) == LoadReport((("os", "system"),), 1.5, 7)

    with pytest.raises(codec.MalformedMessage):
        codec.from_json(LoadReport, changed)


def test_what_a_process_says_it_left_out_is_no_longer_than_a_sentence() -> None:
    class Talkative:
        def ask(self, request: bytes, **options: Any) -> Any:
            return REPORT | {"left_out": "x" * 10_000}

    artifact = Artifact("0" * 64, Path("model.joblib"), "joblib")
    child: Any = Talkative()

    assert len(client._load(child, artifact, Limits(), None).left_out) == SENTENCE


def test_a_value_outside_a_named_set_is_refused() -> None:
    wrong = codec.to_json(replace(EXAMINATION, container="matrix"))  # type: ignore[arg-type]

    with pytest.raises(codec.MalformedMessage, match=r"Examination\.container"):
        codec.from_json(Examination, wrong)


def test_what_is_stored_may_have_fields_that_are_unknown_or_missing_now() -> None:
    kept = codec.to_json(TargetOutput("y", 1.5, confidence=0.5)) | {"of_tomorrow": 1}
    del kept["confidence"]

    assert codec.stored(TargetOutput, kept) == TargetOutput("y", 1.5)
    with pytest.raises(codec.MalformedMessage):
        codec.from_json(TargetOutput, kept)


def test_a_refusal_names_the_place_and_never_the_value() -> None:
    wrong = codec.to_json(EXAMINATION)
    wrong["features"][1]["choices"][0]["label"] = {"secret": 1}

    with pytest.raises(codec.MalformedMessage) as caught:
        codec.from_json(Examination, wrong)

    assert "Examination.features: ProposedFeature.choices: ProposedChoice.label" in str(
        caught.value
    )
    assert "secret" not in str(caught.value)


@dataclass(frozen=True)
class Noted:
    at: datetime


def test_a_time_is_kept_with_its_zone() -> None:
    noted = Noted(datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
    assert codec.to_json(noted) == {"at": "2026-03-01T12:30:00+00:00"}
    assert codec.stored(Noted, codec.to_json(noted)) == noted


@pytest.mark.parametrize("text", ["2026-03-01T12:30:00", "yesterday"])
def test_a_time_without_a_zone_and_words_are_no_time(text: str) -> None:
    with pytest.raises(codec.MalformedMessage, match=r"Noted\.at: a time"):
        codec.stored(Noted, {"at": text})


@dataclass(frozen=True)
class Either:
    value: Scalar
    size: float | None = None


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", None])
def test_a_scalar_keeps_its_type(value: Scalar) -> None:
    read = codec.from_json(Either, {"value": value, "size": 2})
    assert (type(read.value), read.value) == (type(value), value)
    assert isinstance(read.size, float)


@pytest.mark.parametrize("wrong", [{"value": []}, {"value": math.inf}, {"value": 1, "size": "2"}])
def test_a_value_of_no_allowed_type_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(codec.MalformedMessage, match=r"Either\.(value|size): "):
        codec.from_json(Either, wrong)


@pytest.mark.parametrize("wrong", ["colour", "FLOAT", 1, None])
def test_a_kind_that_the_contract_does_not_have_is_refused(wrong: Any) -> None:
    assert codec.from_json(Column, {"name": "a", "kind": "float"}).kind is Kind.FLOAT
    with pytest.raises(codec.MalformedMessage, match=r"Column\.kind: expected one of integer"):
        codec.from_json(Column, {"name": "a", "kind": wrong})


def test_a_kind_is_stored_as_plain_text() -> None:
    assert type(codec.to_json(Column("a", Kind.FLOAT))["kind"]) is str
