"""Files and models that exhaust resources: the effect on the worker and on other models.

Each is opened, or asked, by real processes with small limits, while another model stands by.
"""

import hashlib
import io
import os
import pickle
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import Any

import joblib
import numpy as np
import pytest
from joblib.numpy_pickle import NumpyArrayWrapper
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from model_host.client import ModelHost
from model_host.processes.handles import Child
from model_host.protocol.artifact import Artifact, Format, Limits
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout, Kind
from tests.clocks import PATIENCE_SECONDS
from tests.model_host.observed import children_of, status_of

MakeModel = Callable[..., Artifact]

MEGABYTES = 1024**2
LIMITS = Limits(PATIENCE_SECONDS, PATIENCE_SECONDS, memory_bytes=512 * MEGABYTES)
FLAT = 24 * MEGABYTES
INPUTS = {"x0": 1.0}


@pytest.fixture(scope="module")
def host(foreign_python: str) -> Iterator[ModelHost]:
    with ModelHost(
        python=foreign_python, max_children=4, max_memory_bytes=2**31, children_per_model=1
    ) as host:
        yield host


@pytest.fixture
def zygote(host: ModelHost) -> int:
    host.start()
    assert host._sandbox._zygote is not None
    return host._sandbox._zygote.pid


@dataclass(frozen=True)
class Attack:
    """What is done, how long it may take to load and to predict, and how it may end."""

    artifact: Artifact
    codes: set[str]
    load_seconds: float = PATIENCE_SECONDS
    predict_seconds: float = PATIENCE_SECONDS

    @property
    def limits(self) -> Limits:
        return Limits(self.load_seconds, self.predict_seconds, memory_bytes=256 * MEGABYTES)


def peak_bytes() -> int:
    return int(status_of(os.getpid())["VmHWM"].split()[0]) * 1024


def forget_the_peak() -> int:
    """Starts measuring this process's largest size anew; its present size."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()


def survive(
    host: ModelHost, zygote: int, attack: Attack, model: MakeModel, one: InputLayout
) -> None:
    """Check that the attack ends with a sentence, only by its own limits, and that neither the
    worker nor other models notice."""

    def ask(artifact: Artifact, limits: Limits = LIMITS) -> object:
        return host.predict(artifact, one, INPUTS, limits).targets[0].value

    bystander = model("answer_its_pid")
    standing_by = ask(bystander)
    before = children_of(zygote)
    size, given = forget_the_peak(), []
    child_ask = Child.ask

    def watched(child: Child, request: bytes, *, seconds: float, **named: Any) -> object:
        given.append(seconds)
        return child_ask(child, request, seconds=seconds, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Child, "ask", watched)
        with pytest.raises(HostError) as caught:
            ask(attack.artifact, attack.limits)

    assert given in ([attack.load_seconds], [attack.load_seconds, attack.predict_seconds])
    if caught.value.code == "TIMEOUT":
        assert f"longer than {given[-1]:g} seconds" in caught.value.message
    assert caught.value.code in attack.codes
    assert caught.value.message
    assert not caught.value.lost
    assert peak_bytes() - size < FLAT
    assert children_of(zygote) <= before
    assert ask(bystander) == standing_by
    assert ask(model("answer_its_pid")) != standing_by


# Models that a superuser approved, and that then misbehave


@pytest.mark.parametrize("is_loading", [True, False], ids=["at load", "at predict"])
@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("take_all_memory", "MEMORY"),
        ("take_all_memory_to_the_last_byte", "MEMORY"),
        ("loop", "TIMEOUT"),
        ("ignore_signals_and_loop", "TIMEOUT"),
        ("segfault", "CRASH"),
        ("abort", "CRASH"),
        ("exit_at_once", "CRASH"),
        ("announce_four_gigabytes", "CRASH"),
        ("close_the_connection", "CRASH"),
        ("stop_in_the_middle_of_a_reply", "TIMEOUT"),
    ],
)
def test_a_model_that_misbehaves_ends_alone_and_in_time(
    what: str,
    code: str,
    is_loading: bool,
    host: ModelHost,
    zygote: int,
    model: MakeModel,
    one_number: InputLayout,
) -> None:
    limit = {"load_seconds" if is_loading else "predict_seconds": 1.0} if code == "TIMEOUT" else {}
    attack = Attack(model(what, kind="LoadsBadly" if is_loading else "Does"), {code}, **limit)

    survive(host, zygote, attack, model, one_number)


# Honest models that need more than there is


@pytest.fixture
def polynomial(tmp_path: Path) -> Artifact:
    """Return a pipeline whose polynomial makes over a billion columns of its four inputs."""
    rows, classes = np.arange(48.0).reshape(12, 4), np.arange(12) % 2
    pipeline = make_pipeline(PolynomialFeatures(1), LogisticRegression()).fit(rows, classes)
    pipeline.steps[0] = ("polynomialfeatures", PolynomialFeatures(400).fit(rows))
    path = tmp_path / "polynomial.joblib"
    joblib.dump(pipeline, path)
    return Artifact(hashlib.sha256(path.read_bytes()).hexdigest(), path, "joblib")


@pytest.mark.parametrize("question", ["predict", "trace", "examine"])
def test_a_model_that_makes_billions_of_columns_ends_for_memory_and_not_for_time(
    question: str, host: ModelHost, polynomial: Artifact
) -> None:
    four = InputLayout("array", tuple(Column(f"x{n}", Kind.FLOAT) for n in range(4)))
    inputs = dict.fromkeys(("x0", "x1", "x2", "x3"), 1.0)
    asked: dict[str, Callable[[], object]] = {
        "predict": lambda: host.predict(polynomial, four, inputs, LIMITS),
        "trace": lambda: host.trace(polynomial, four, inputs, LIMITS, level="full"),
        "examine": lambda: host.examine(polynomial, LIMITS),
    }

    with pytest.raises(HostError) as caught:
        asked[question]()

    assert caught.value.code == "MEMORY"


# Files that anybody can make


def half_a_gigabyte_of_zeros() -> Iterator[bytes]:
    yield b"\x80\x04\x8e" + pack("<Q", 2**29)
    for _ in range(2**9):
        yield bytes(2**20)
    yield b"."


def zipped(parts: Iterator[bytes]) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join([*map(packer.compress, parts), packer.flush()])


def array_of(items: int) -> bytes:
    """Return what joblib writes for an array of so many numbers, and the first eight of them."""
    wrapper = NumpyArrayWrapper(np.ndarray, (items,), "C", np.dtype("f8"))
    return pickle.dumps(wrapper, protocol=4).removesuffix(b".") + bytes(64) + b"."


def model_of_half_a_gigabyte() -> bytes:
    """Return a fitted model, honest but for its size."""
    large = DummyRegressor().fit([[0.0]], [0.0])
    large.ballast_ = np.zeros(2**26)
    file = io.BytesIO()
    joblib.dump(large, file, compress=("zlib", 1))
    return file.getvalue()


FILES: dict[str, tuple[Format, Callable[[], bytes]]] = {
    "40 million opcodes": ("pickle", lambda: b"\x80\x04" + b"N0" * 20_000_000 + b"N."),
    "40 million opcodes in 40 kB": (
        "joblib",
        lambda: zipped(iter([b"\x80\x04", *[b"N0" * 20_000] * 1000, b"N."])),
    ),
    "half a gigabyte in half an MB": ("joblib", lambda: zipped(half_a_gigabyte_of_zeros())),
    "a model of half a gigabyte": ("joblib", model_of_half_a_gigabyte),
    "bytes that say they are an exabyte": (
        "pickle",
        lambda: b"\x80\x04\x8e" + pack("<Q", 2**60) + b"x.",
    ),
    "text that says it is longer than memory": (
        "pickle",
        lambda: b"\x80\x04\x8d" + pack("<Q", 2**63 + 1) + b"x.",
    ),
    "a frame that says it is an exabyte": (
        "pickle",
        lambda: b"\x80\x04\x95" + pack("<Q", 2**60) + b"N.",
    ),
    "an array that says it has a trillion numbers": ("joblib", lambda: array_of(10**12)),
    "an array that says it has fewer than none": ("joblib", lambda: array_of(-(2**62))),
    "a tower of lists": (
        "pickle",
        lambda: b"\x80\x04" + b"]" * 5_000_000 + b"a" * 4_999_999,
    ),
    "a list that doubles itself": (
        "pickle",
        lambda: b"\x80\x04)" + b"2\x86" * 5_000_000 + b".",
    ),
    "a number of a million digits": (
        "pickle",
        lambda: b"\x80\x04\x8b" + pack("<i", 2**30) + bytes(2**20) + b".",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_misbehaves_ends_alone_and_in_time(
    name: str,
    host: ModelHost,
    zygote: int,
    model: MakeModel,
    one_number: InputLayout,
    tmp_path: Path,
) -> None:
    kind, make = FILES[name]
    path = tmp_path / "file"
    path.write_bytes(make())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    artifact = Artifact(digest, path, kind)
    codes = {"LOAD", "MEMORY", "TIMEOUT"}

    survive(host, zygote, Attack(artifact, codes, load_seconds=2.0), model, one_number)


def test_one_attack_after_the_other_leaves_the_host_as_it_was(
    host: ModelHost, zygote: int, model: MakeModel, one_number: InputLayout
) -> None:
    attacks = [model(what) for what in ("segfault", "exit_at_once", "raise_an_error")] * 10
    before = forget_the_peak(), len(os.listdir("/proc/self/fd")), status_of(zygote)["VmRSS"]

    for artifact in attacks:
        with pytest.raises(HostError):
            host.predict(artifact, one_number, INPUTS, LIMITS)

    assert len(os.listdir("/proc/self/fd")) <= before[1]
    assert peak_bytes() - before[0] < FLAT
    grown = int(status_of(zygote)["VmRSS"].split()[0]) - int(before[2].split()[0])
    assert grown * 1024 < FLAT
    assert children_of(zygote) <= {child.pid for child in host._pool._idle}
