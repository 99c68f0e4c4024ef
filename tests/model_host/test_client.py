"""ModelHost with real processes: its answers, its robustness, and the processes it keeps and
ends."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge

from model_host.client import ArtifactChanged, ModelHost, PredictionCancelled
from model_host.processes import conversation, handles
from model_host.protocol import MAX_MESSAGE
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout, Kind
from model_host.protocol.orders import SelfTest
from tests.clocks import PATIENCE_SECONDS, until
from tests.model_host.conftest import python_with
from tests.model_host.observed import busy_children, children_of, has_gone, status_of

MakeModel = Callable[..., Artifact]

LIMITS = Limits(PATIENCE_SECONDS, PATIENCE_SECONDS, memory_bytes=512 * 1024**2)
SHORT = replace(LIMITS, predict_seconds=1)
INPUTS = {"x0": 1.0}


@pytest.fixture
def ask(host: ModelHost, one_number: InputLayout) -> Callable[[Artifact], object]:
    """Return the value that the shared host answers for an artifact."""

    def predict(artifact: Artifact, limits: Limits = LIMITS) -> object:
        return host.predict(artifact, one_number, dict(INPUTS), limits).targets[0].value

    return predict


def own_host(python: str, **settings: object) -> ModelHost:
    defaults = {"max_children": 4, "max_memory_bytes": 2**31, "children_per_model": 1}
    return ModelHost(python=python, **(defaults | settings))  # type: ignore[arg-type]


@contextmanager
def own_host_or_none(python: str) -> Iterator[ModelHost]:
    """Yield a host that need not come up."""
    host = own_host(python)
    with suppress(HostError):
        host.start()
    yield host
    host.close()


@contextmanager
def sharing(host: ModelHost, **settings: object) -> Iterator[ModelHost]:
    """Yield a host that keeps children by rules of its own, and forks them from the zygote of
    another: a zygote takes seconds to start."""
    other = own_host(sys.executable, **settings)
    other._sandbox, other._pool._fork = host._sandbox, host._sandbox.fork
    other.start()
    try:
        yield other
    finally:
        other._pool.close()


def zygotes() -> set[int]:
    return {pid for pid in children_of(os.getpid()) if status_of(pid)["Name"] == "model-zygote"}


# Answers


def test_a_prediction_equals_what_scikit_learn_itself_says(host: ModelHost, tmp_path: Path) -> None:
    rows = np.random.default_rng(7).normal(size=(60, 3))
    forest = RandomForestClassifier(20, random_state=7).fit(rows, rows[:, 0] > 0)
    path = tmp_path / "forest.joblib"
    joblib.dump(forest, path, compress=3)
    artifact = Artifact(hashlib.sha256(path.read_bytes()).hexdigest(), path, "joblib")
    layout = InputLayout("array", tuple(Column(f"x{n}", Kind.FLOAT) for n in range(3)))

    for row in rows[:5]:
        inputs = {f"x{n}": float(value) for n, value in enumerate(row)}
        target = host.predict(artifact, layout, inputs, LIMITS).targets[0]
        assert target.value == forest.predict([row])[0]
        assert target.confidence == forest.predict_proba([row])[0].max()


def test_examining_reports_the_types_and_the_model_and_leaves_no_process(
    host: ModelHost, model: MakeModel
) -> None:
    before = {pid for zygote in zygotes() for pid in children_of(zygote)}

    report, examination = host.examine(model("answer_its_pid"), LIMITS)

    assert ("misbehaving", "Does") in report.types
    assert examination.estimator == "Does"
    assert {pid for zygote in zygotes() for pid in children_of(zygote)} <= before


def test_a_warmed_model_predicts_in_the_process_that_opened_it(
    foreign_python: str, model: MakeModel, one_number: InputLayout
) -> None:
    artifact = model("answer_its_pid", size=1_000_000)
    before = zygotes()
    with own_host(foreign_python) as host:
        report = host.warm(artifact, LIMITS)
        (zygote,) = zygotes() - before
        (child,) = children_of(zygote)

        outputs = host.predict(artifact, one_number, INPUTS, LIMITS)

        assert outputs.targets[0].value == child
        assert report.memory_bytes > 8_000_000
        assert host.warm(artifact, LIMITS) == report


def test_the_text_a_model_prints_reaches_nobody(
    ask: Callable[..., object], model: MakeModel
) -> None:
    assert ask(model("print_much")) == 1


def test_the_environment_of_a_model_is_empty_and_it_has_one_thread(
    ask: Callable[..., object], model: MakeModel
) -> None:
    told = json.loads(str(ask(model("tell_its_environment"))))

    assert told == {
        "environment": {},
        "threads": 1,
        "streams": ["NoneType", "_Silence", "_Silence"],
    }


def test_a_waiting_child_holds_one_descriptor_and_no_privilege(
    ask: Callable[..., object], model: MakeModel
) -> None:
    pid = ask(model("answer_its_pid"))
    assert isinstance(pid, int)

    status = status_of(pid)

    assert status["Threads"] == "1"
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}
    if os.geteuid() == 0:
        assert status["Uid"].split() == ["65534"] * 4
        assert os.listdir(f"/proc/{pid}/fd") == ["3"]
        environ = Path(f"/proc/{pid}/environ").read_bytes().rstrip(b"\0").split(b"\0")
        given = {f"{name}={value}".encode() for name, value in handles.ENVIRONMENT.items()}
        assert set(environ) <= given
    else:  # Not dumpable: what belongs to it belongs to root.
        assert Path(f"/proc/{pid}/environ").stat().st_uid == 0


# Models that go wrong


def test_an_endless_loop_is_stopped_at_the_limit(
    ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError) as caught:
        ask(model("ignore_signals_and_loop"), SHORT)

    assert caught.value.code == "TIMEOUT"
    assert caught.value.message == "The model took longer than 1 seconds and was stopped."


def test_a_limit_ends_at_its_second_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Mock(monotonic=Mock(return_value=100.0))
    monkeypatch.setattr(conversation, "time", clock)
    watch = conversation.Watch(7)

    clock.monotonic.return_value = 106.5
    assert watch.milliseconds() == 500
    clock.monotonic.return_value = 107.0
    with pytest.raises(HostError, match="longer than 7 seconds"):
        watch.milliseconds()


def test_an_endless_loop_while_opening_the_file_is_stopped_at_the_load_limit(
    ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError) as caught:
        ask(model("loop", kind="LoadsBadly"), replace(LIMITS, load_seconds=0.5))

    assert caught.value.code == "TIMEOUT"
    assert "0.5 seconds" in caught.value.message


@pytest.mark.parametrize("what", ["take_all_memory", "take_all_memory_to_the_last_byte"])
def test_a_model_that_takes_too_much_memory_is_stopped(
    what: str, ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError) as caught:
        ask(model(what))

    assert caught.value.code == "MEMORY"
    assert caught.value.message == "The model needed too much memory and was stopped."


@pytest.mark.parametrize(("what", "number"), [("segfault", 11), ("abort", 6)])
def test_a_model_that_dies_of_a_signal_is_a_crash_that_names_it(
    what: str, number: int, ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError) as caught:
        ask(model(what))

    assert (caught.value.code, caught.value.lost) == ("CRASH", False)
    assert f"signal {number} ({signal.Signals(number).name})" in caught.value.message


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("exit_at_once", "without an answer"),
        ("close_the_connection", "signal 9"),
        ("announce_four_gigabytes", "4294967295 bytes"),
        ("reply_no_json", "unreadable"),
        ("reply_deeply_nested_json", "unreadable"),
        ("reply_a_list", "unreadable"),
        ("reply_an_answer_that_is_not_finite", "unreadable"),
        ("reply_nan", "unreadable"),
        ("reply_a_lone_surrogate", "unreadable"),
        ("reply_a_text_far_over_the_limit", "unreadable"),
        ("reply_an_unknown_field", "unknown fields"),
        ("reply_an_unknown_error_code", "unreadable"),
    ],
)
def test_an_answer_against_the_contract_is_a_crash(
    what: str, says: str, ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError, match=re.escape(says)) as caught:
        ask(model(what))

    assert (caught.value.code, caught.value.lost) == ("CRASH", False)


def test_a_reply_that_stops_half_way_is_a_timeout(
    ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError) as caught:
        ask(model("stop_in_the_middle_of_a_reply"), SHORT)

    assert caught.value.code == "TIMEOUT"


def test_a_model_cannot_have_its_failure_retried_by_calling_itself_lost(
    ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError) as caught:
        ask(model("claim_to_be_lost"))

    assert (caught.value.code, caught.value.lost) == ("MODEL", False)


def test_of_a_long_text_the_beginning_is_the_answer(
    host: ModelHost, model: MakeModel, one_number: InputLayout
) -> None:
    outputs = host.predict(model("give_a_long_text"), one_number, INPUTS, LIMITS)

    assert outputs.targets[0].value is None
    assert outputs.targets[0].text == "x" * 999 + "…"
    assert "5,000,000 characters" in outputs.notes[0]


def test_a_process_that_ignores_the_limit_of_a_text_gives_no_answer(
    ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError, match="1,001 characters; at most 1,000") as caught:
        ask(model("reply_a_text_over_the_limit"))

    assert caught.value.code == "MODEL"


def test_the_words_of_a_failure_are_cut_whoever_wrote_them(
    ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError) as caught:
        ask(model("fail_with_endless_words"))

    assert (len(caught.value.message), len(caught.value.step)) == (2_000, 200)
    assert {len(module) for module, _ in caught.value.refused} == {300}


def test_an_answer_that_is_too_large_does_not_cross(
    ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError, match="too large") as caught:
        ask(model("give_a_huge_answer"))

    assert caught.value.code == "MODEL"


@pytest.mark.parametrize(
    ("what", "says"), [("raise_an_error", "seven by nought"), ("raise_system_exit", "bye")]
)
def test_an_exception_of_the_model_comes_with_its_traceback(
    what: str, says: str, ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError) as caught:
        ask(model(what))

    assert caught.value.code == "MODEL"
    assert says in caught.value.traceback
    assert what in caught.value.traceback


@pytest.mark.parametrize(
    ("value", "says"),
    [("x" * MAX_MESSAGE, "bytes"), (float("nan"), "not finite")],
    ids=["too large", "not a number"],
)
def test_inputs_that_cannot_travel_are_an_input_error(
    value: str | float,
    says: str,
    host: ModelHost,
    one_number: InputLayout,
    model: MakeModel,
) -> None:
    with pytest.raises(HostError, match=says) as caught:
        host.predict(model("answer_its_pid"), one_number, {"x0": value}, LIMITS)

    assert caught.value.code == "INPUT"


def test_after_every_failure_the_next_prediction_has_a_new_process(
    ask: Callable[..., object], model: MakeModel
) -> None:
    artifact = model("raise_an_error")
    before = {pid for zygote in zygotes() for pid in children_of(zygote)}

    with pytest.raises(HostError):
        ask(artifact)

    assert {pid for zygote in zygotes() for pid in children_of(zygote)} <= before


def test_a_child_that_spoke_unasked_is_not_asked_again(
    ask: Callable[..., object], model: MakeModel
) -> None:
    artifact = model("say_more_than_was_asked")

    with pytest.raises(HostError, match="unreadable"):
        ask(artifact)

    assert ask(model("answer_its_pid"))


def test_a_child_killed_from_outside_is_lost_and_the_next_prediction_works(
    host: ModelHost, ask: Callable[..., object], model: MakeModel
) -> None:
    artifact, other = model("loop"), model("answer_its_pid")
    before = {pid for zygote in zygotes() for pid in children_of(zygote)}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ask, artifact)
        (victim,) = busy_children(zygotes(), before)
        os.kill(victim, signal.SIGKILL)

        with pytest.raises(HostError) as caught:
            running.result()

    assert (caught.value.code, caught.value.lost) == ("CRASH", True)
    assert ask(other)


def test_a_warm_child_killed_from_outside_is_replaced_unnoticed(
    ask: Callable[..., object], model: MakeModel
) -> None:
    artifact = model("answer_its_pid")
    victim = ask(artifact)
    assert isinstance(victim, int)
    os.kill(victim, signal.SIGKILL)
    assert has_gone(victim)

    assert ask(artifact) != victim


def test_a_running_prediction_can_be_cancelled_from_another_thread(
    host: ModelHost, one_number: InputLayout, model: MakeModel
) -> None:
    cancelled = threading.Event()
    before = {pid for zygote in zygotes() for pid in children_of(zygote)}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            host.predict, model("loop"), one_number, INPUTS, LIMITS, cancelled=cancelled
        )
        (victim,) = busy_children(zygotes(), before)
        cancelled.set()

        with pytest.raises(PredictionCancelled):
            running.result(PATIENCE_SECONDS)

    assert has_gone(victim, 0)


# Artifacts


def test_a_file_that_is_not_the_one_with_this_digest_is_never_opened(
    ask: Callable[..., object], model: MakeModel
) -> None:
    artifact = model("loop", kind="LoadsBadly")
    content = bytearray(artifact.path.read_bytes())
    content[-1] ^= 1
    artifact.path.write_bytes(content)

    with pytest.raises(ArtifactChanged, match=artifact.sha256):
        ask(artifact)


def test_a_missing_file_is_told_apart_from_a_bad_model(
    ask: Callable[..., object], model: MakeModel
) -> None:
    artifact = model("answer_its_pid")
    artifact.path.unlink()

    with pytest.raises(ArtifactChanged, match="No such file"):
        ask(artifact)


def test_a_type_that_was_not_approved_is_refused_by_name(
    ask: Callable[..., object], model: MakeModel
) -> None:
    with pytest.raises(HostError) as caught:
        ask(replace(model("answer_its_pid"), approved=frozenset()))

    assert caught.value.code == "LOAD"
    assert ("misbehaving", "Does") in caught.value.refused


def test_an_approved_type_whose_module_starts_threads_is_not_opened(
    ask: Callable[..., object], model: MakeModel
) -> None:
    artifact = model("answer_its_pid")
    threaded = artifact.approved | {("threads_at_import", "Anything")}

    with pytest.raises(HostError, match="sandbox") as caught:
        ask(replace(artifact, approved=threaded))

    assert caught.value.code == "LOAD"


# What is kept, and what is ended


def test_the_longest_unused_model_makes_room_for_a_new_one(
    ask: Callable[..., object], model: MakeModel
) -> None:
    old, kept, new = (model("answer_its_pid") for _ in range(3))
    first, second = ask(old), ask(kept)
    assert isinstance(first, int)

    assert ask(old) == first
    third = ask(new)  # The host holds two: this ends ``kept``, which was used before ``old``.

    assert ask(old) == first
    assert ask(kept) not in {first, second, third}


def test_idle_children_are_ended_when_they_hold_too_much_memory(
    host: ModelHost, one_number: InputLayout, model: MakeModel
) -> None:
    megabytes = 1024**2
    with sharing(host, max_memory_bytes=100 * megabytes) as host:
        large, larger = (model("answer_its_pid", size=size * megabytes // 8) for size in (60, 70))
        small = model("answer_its_pid")
        first, second, third = (
            host.predict(artifact, one_number, INPUTS, LIMITS).targets[0].value
            for artifact in (large, small, larger)
        )
        assert isinstance(first, int)

        assert has_gone(first)
        for artifact, pid in ((small, second), (larger, third)):
            assert host.predict(artifact, one_number, INPUTS, LIMITS).targets[0].value == pid


def test_a_host_rests_while_nobody_asks_and_starts_again_with_the_next_request(
    foreign_python: str, model: MakeModel, one_number: InputLayout
) -> None:
    artifact, before = model("answer_its_pid"), zygotes()
    with own_host(foreign_python) as host:
        first = host.predict(artifact, one_number, INPUTS, LIMITS).targets[0].value

        assert (host.rest(unused_seconds=3600), host.is_awake) == (False, True)
        assert (host.rest(), host.is_awake) == (True, False)
        assert zygotes() == before

        assert host.predict(artifact, one_number, INPUTS, LIMITS).targets[0].value != first


def test_a_host_that_answers_does_not_rest(
    foreign_python: str, model: MakeModel, one_number: InputLayout
) -> None:
    rested: list[bool] = []
    with own_host(foreign_python) as host:

        def note(event: str) -> None:
            rested.append(host.rest())

        outputs = host.predict(model("answer_its_pid"), one_number, INPUTS, LIMITS, note=note)

        assert outputs.targets[0].value
        assert rested == [False]


def test_a_child_ends_after_its_number_of_predictions(
    host: ModelHost, one_number: InputLayout, model: MakeModel
) -> None:
    artifact = model("answer_its_pid")
    with sharing(host, max_predictions_per_child=2) as host:
        pids = [
            host.predict(artifact, one_number, INPUTS, LIMITS).targets[0].value for _ in range(3)
        ]

        assert pids[0] == pids[1] != pids[2]


def test_a_child_ends_when_nobody_uses_it(
    host: ModelHost, one_number: InputLayout, model: MakeModel
) -> None:
    with sharing(host, idle_seconds=0.1) as host:
        pid = host.predict(model("answer_its_pid"), one_number, INPUTS, LIMITS).targets[0].value

        assert has_gone(int(str(pid)))


def test_one_child_per_prediction_never_answers_twice(
    host: ModelHost, one_number: InputLayout, model: MakeModel
) -> None:
    artifact = model("answer_its_pid")
    with sharing(host, one_child_per_prediction=True) as host:
        host.warm(artifact, LIMITS)
        pids = {
            host.predict(artifact, one_number, INPUTS, LIMITS).targets[0].value for _ in range(3)
        }

    assert len(pids) == 3


@pytest.mark.parametrize("kind", ["Remembers", "RemembersInSecret"])
def test_a_model_that_keeps_inputs_has_a_process_for_each_prediction(
    foreign_python: str, one_number: InputLayout, model: MakeModel, kind: str
) -> None:
    artifact, notes = model("", kind=kind), list[str]()
    with own_host(foreign_python) as host:
        host.warm(artifact, LIMITS)
        answers = [
            host.predict(artifact, one_number, {"x0": secret}, LIMITS, note=notes.append)
            for secret in (7.0, 8.0, 9.0)
        ]
        host.explain(artifact, one_number, {"x0": 7.0}, {"x0": 1.0}, LIMITS, seed=1)
        after = host.predict(artifact, one_number, INPUTS, LIMITS)

    assert [outputs.targets[0].value for outputs in [*answers, after]] == [0.0] * 4
    assert notes.count("model changed as it answered; its process is ended") == 3


def test_predictions_of_one_model_share_its_children_and_no_child_has_two_at_once(
    foreign_python: str, one_number: InputLayout, model: MakeModel
) -> None:
    others, artifact = zygotes(), model("answer_its_pid_when_told")
    with own_host(foreign_python, children_per_model=2) as host, ThreadPoolExecutor(4) as pool:
        (zygote,) = zygotes() - others
        answers = [
            pool.submit(host.predict, artifact, one_number, INPUTS, LIMITS) for _ in range(4)
        ]
        until(lambda: len(children_of(zygote)) == 2, "two children")
        children = children_of(zygote)

        def have_answered() -> bool:
            for child in children:
                os.kill(child, signal.SIGWINCH)
            return all(answer.done() for answer in answers)

        until(have_answered, "four answers")
        assert {answer.result().targets[0].value for answer in answers} == children


def test_a_host_with_one_place_serves_models_in_turn(
    host: ModelHost, one_number: InputLayout, model: MakeModel
) -> None:
    artifacts = [model("answer_its_pid_after_a_while") for _ in range(3)]
    with sharing(host, max_children=1) as host, ThreadPoolExecutor(3) as pool:
        answers = [
            pool.submit(host.predict, artifact, one_number, INPUTS, LIMITS)
            for artifact in artifacts
        ]

        assert len({answer.result().targets[0].value for answer in answers}) == 3


# The zygote and the worker


def test_a_killed_zygote_takes_its_children_along_and_is_replaced(
    foreign_python: str, one_number: InputLayout, model: MakeModel
) -> None:
    others = zygotes()
    warm, busy = model("answer_its_pid"), model("loop")
    with own_host(foreign_python) as host, ThreadPoolExecutor(1) as pool:
        first = host.predict(warm, one_number, INPUTS, LIMITS).targets[0].value
        (zygote,) = zygotes() - others
        running = pool.submit(host.predict, busy, one_number, INPUTS, LIMITS)
        children = busy_children({zygote}, {int(str(first))}) | {int(str(first))}

        os.kill(zygote, signal.SIGKILL)

        with pytest.raises(HostError) as caught:
            running.result()
        assert (caught.value.code, caught.value.lost) == ("CRASH", True)
        assert all(has_gone(child) for child in children)
        assert host.predict(warm, one_number, INPUTS, LIMITS).targets[0].value != first
        assert len(zygotes() - others) == 1

    assert zygotes() <= others


def test_a_closed_host_leaves_no_process_and_opens_nothing_more(
    foreign_python: str, one_number: InputLayout, model: MakeModel
) -> None:
    others, artifact = zygotes(), model("answer_its_pid")
    host = own_host(foreign_python)
    child = host.predict(artifact, one_number, INPUTS, LIMITS).targets[0].value
    (zygote,) = zygotes() - others

    host.close()

    assert has_gone(zygote, 0)
    assert has_gone(int(str(child)), 0)
    with pytest.raises(RuntimeError, match="closed"):
        host.predict(artifact, one_number, INPUTS, LIMITS)


WORKER = """
import sys
from pathlib import Path
from model_host.client import ModelHost
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.inputs import Column, InputLayout, Kind

python, path, digest = sys.argv[1:]
approved = frozenset({("misbehaving", "Does")})
host = ModelHost(python=python, max_children=2, max_memory_bytes=2**30, children_per_model=1)
layout = InputLayout("array", (Column("x0", "float"),))
artifact = Artifact(digest, Path(path), "joblib", approved)
print(host.predict(artifact, layout, {"x0": 1.0}, Limits()).targets[0].value, flush=True)
sys.stdin.read()
"""


def test_a_killed_worker_leaves_no_process(foreign_python: str, model: MakeModel) -> None:
    artifact = model("answer_its_pid")
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, foreign_python, str(artifact.path), artifact.sha256],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout
        child = int(worker.stdout.readline())
        (zygote,) = children_of(worker.pid)

        worker.kill()

        assert has_gone(zygote)
        assert has_gone(child)


# A start that fails


def interpreter(folder: Path, *lines: str) -> str:
    """Return a program in an interpreter's place, which notes each start in ``started``."""
    program = folder / "python"
    program.write_text("\n".join(["#!/bin/sh", f"echo started >> {folder}/started", *lines, ""]))
    program.chmod(0o755)
    return str(program)


def starts(folder: Path) -> int:
    return len((folder / "started").read_text().splitlines())


def test_a_host_whose_libraries_are_not_there_names_what_is_missing_and_the_way_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(Path(sys.executable).resolve())
    (tmp_path / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")

    with pytest.raises(HostError) as caught:
        own_host(str(tmp_path / "bin/python")).start()

    assert (caught.value.code, caught.value.lost) == ("LOAD", False)
    assert re.fullmatch(
        r"The process that opens models cannot start: ModuleNotFoundError: No module named '\w+'\. "
        r"The libraries here are not those of requirements\.txt: install these again "
        r"\(pip install --require-hashes -r requirements\.txt\), then restart the worker\.",
        caught.value.message,
    )
    assert "in <module>" in caught.value.traceback


@pytest.mark.parametrize(
    ("lines", "why", "is_lost"),
    [
        (["exit 3"], "cannot start: it ended with code 3.", False),
        (["kill -SEGV $$"], "cannot start: it was ended by SIGSEGV.", False),
        (["kill -KILL $$"], "could not be started: it was ended by SIGKILL.", True),
    ],
    ids=["by itself", "by a fault of its own", "by somebody else"],
)
def test_an_end_at_the_start_is_told_and_only_one_from_outside_is_worth_another_attempt(
    lines: list[str], why: str, is_lost: bool, tmp_path: Path
) -> None:
    with pytest.raises(HostError, match=re.escape(why)) as caught:
        own_host(interpreter(tmp_path, *lines)).start()

    assert caught.value.lost == is_lost


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"cannot start: /.*/python: No such file") as caught:
        own_host(str(tmp_path / "python")).start()

    assert not caught.value.lost


def test_a_start_that_failed_by_itself_is_not_tried_again_at_once(tmp_path: Path) -> None:
    """Every heartbeat asks, and an import of scikit-learn costs a second of a core."""
    host = own_host(interpreter(tmp_path, "exit 3"))

    said = set()
    for ask in (host.start, host.check, lambda: host.self_test):
        with pytest.raises(HostError) as caught:
            ask()
        said.add(caught.value.message)

    assert (len(said), starts(tmp_path)) == (1, 1)


def test_a_start_that_failed_is_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model_host.processes.sandbox.TRIED_AGAIN_SECONDS", 0.0)
    program = interpreter(tmp_path, "exit 3")
    with own_host_or_none(program) as host:
        interpreter(tmp_path, f'exec {sys.executable} "$@"')

        assert host.self_test.passed


def test_a_start_that_was_ended_from_outside_is_tried_again_at_once(tmp_path: Path) -> None:
    host = own_host(interpreter(tmp_path, "kill -KILL $$"))

    for _ in range(2):
        with pytest.raises(HostError):
            host.start()

    assert starts(tmp_path) == 2


def test_a_host_that_had_no_room_to_test_itself_does_so_at_the_next_request(
    foreign_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = HostError("CRASH", "No process could be started for the model.", lost=True)
    before = zygotes()
    host = own_host(foreign_python)
    with monkeypatch.context() as context:
        context.setattr("model_host.processes.sandbox.self_test", Mock(side_effect=full))
        with pytest.raises(HostError, match="No process"):
            host.start()
    assert zygotes() == before

    with host:
        assert host.self_test.passed


def test_a_library_without_a_known_type_costs_that_type_alone(
    tmp_path: Path, one_number: InputLayout
) -> None:
    """A library of another version: a class and a module that the list names are not in it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, sklearn.manifold\n"
        "del sys.modules['sklearn.manifold._classical_mds'].ClassicalMDS\n"
        "sys.modules['sklearn.model_selection._search_successive_halving'] = None\n"
    )
    path = tmp_path / "ridge.joblib"
    ridge = Ridge().fit([[1.0], [2.0]], [1.0, 2.0])
    joblib.dump(ridge, path)
    artifact = Artifact(hashlib.sha256(path.read_bytes()).hexdigest(), path, "joblib")

    with own_host(python_with(tmp_path / "home", tmp_path)) as host:
        value = host.predict(artifact, one_number, INPUTS, LIMITS).targets[0].value

        assert host.self_test.passed
        assert set(host.self_test.missing) == {
            "sklearn.manifold._classical_mds.ClassicalMDS",
            "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV",
            "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV",
            "sklearn.model_selection._search_successive_halving._SubsampleMetaSplitter",
        }
    assert value == ridge.predict([[1.0]])[0]


# The self-test


def test_the_self_test_of_a_locked_process_passes(host: ModelHost) -> None:
    assert host.self_test == SelfTest(passed=True)


def test_a_host_whose_self_test_fails_opens_nothing_unless_it_is_told_to(
    foreign_python: str,
    one_number: InputLayout,
    model: MakeModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    artifact, finding = model("answer_its_pid"), "A locked process could read a file."
    failed = SelfTest(passed=False, findings=(finding,))
    monkeypatch.setattr("model_host.processes.sandbox.self_test", lambda zygote: failed)

    with own_host(foreign_python) as host:
        for refused in (
            lambda: host.predict(artifact, one_number, INPUTS, LIMITS),
            lambda: host.examine(artifact, LIMITS),
            lambda: host.warm(artifact, LIMITS),
        ):
            with pytest.raises(HostError, match=re.escape(finding)) as caught:
                refused()
            assert caught.value.code == "LOAD"
    with own_host(foreign_python, allow_unsandboxed=True) as host:
        pid = host.predict(artifact, one_number, INPUTS, LIMITS).targets[0].value
        assert status_of(int(str(pid)))["Seccomp"] == "0"
