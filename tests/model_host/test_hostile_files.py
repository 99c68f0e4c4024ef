"""Hostile files: each does its harm when opened plainly, and none here.

An attack is a file and a canary, which tells whether the harm was done: mostly a file that a
command would create. The plain opening happens in the same test, so that an attack that no longer
works cannot pass for a defence.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import copyreg
import functools
import io
import json
import operator
import os
import pickle
import subprocess
import sys
import timeit  # noqa: TID251 - what a hostile file calls
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PosixPath
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import skops.io
from joblib.numpy_pickle import NumpyArrayWrapper
from numpy.testing._private.utils import runstring
from scipy.interpolate import BSpline
from sklearn.cluster._kmeans import _kmeans_single_lloyd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.gaussian_process.kernels import RBF
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import RandomizedSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from model_host.loading import safe_load, skops_reader
from model_host.loading.allow_list import is_older
from model_host.loading.safe_load import load
from model_host.protocol.errors import HostError
from tests.model_host.estimators import amounts, numbers, specimen


class Call:
    """Pickles as a call: opening the file plainly makes it."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self.reduced

    def __call__(self) -> None:
        """The pickler wants what it calls to be callable, though it be a call itself."""


def infected(*parts: Any) -> Any:
    """Return an honest model with something more in its attributes."""
    model = LinearRegression().fit(numbers(), amounts())
    model.extra_ = list(parts)
    return model


def dumped(model: Any, compress: Any = 0) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(model, buffer, compress=compress)
    return buffer.getvalue()


def text(value: str) -> bytes:
    return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()


def named(module: str, name: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode()


def program(*opcodes: bytes, protocol: int = 4) -> bytes:
    return b"\x80" + bytes([protocol]) + b"".join(opcodes) + b"."


def touch(canary: Path) -> str:
    return f"touch {canary}"


def python(canary: Path) -> str:
    return f"open({str(canary)!r}, 'w').close()"


# What a file names

CALLS: dict[str, Callable[[Path], tuple[Call, set[tuple[str, str]]]]] = {
    "a shell": lambda c: (Call(os.system, touch(c)), {("posix", "system")}),
    "a pipe to a shell": lambda c: (Call(os.popen, touch(c)), {("os", "popen")}),
    "a process": lambda c: (
        Call(subprocess.check_call, ["touch", str(c)]),
        {("subprocess", "check_call")},
    ),
    "eval": lambda c: (Call(builtins.eval, python(c)), {("builtins", "eval")}),
    "exec": lambda c: (Call(builtins.exec, python(c)), {("builtins", "exec")}),
    "open": lambda c: (Call(builtins.open, str(c), "w"), {(builtins.open.__module__, "open")}),
    "import and getattr": lambda c: (
        Call(Call(getattr, Call(__import__, "os"), "system"), touch(c)),
        {("builtins", "getattr"), ("builtins", "__import__")},
    ),
    "attrgetter": lambda c: (
        Call(Call(operator.attrgetter("system"), Call(__import__, "os")), touch(c)),
        {("operator", "attrgetter"), ("builtins", "__import__")},
    ),
    "methodcaller": lambda c: (
        Call(operator.methodcaller("touch"), c),
        {("operator", "methodcaller"), (PosixPath.__module__, "PosixPath")},
    ),
    "partial of a shell": lambda c: (
        Call(functools.partial(os.system, touch(c))),
        {("posix", "system")},
    ),
    "functools.reduce": lambda c: (
        Call(Call(functools.reduce, getattr, ["system"], Call(__import__, "os")), touch(c)),
        {("_functools", "reduce"), ("builtins", "getattr"), ("builtins", "__import__")},
    ),
    "map": lambda c: (
        Call(list, Call(map, os.system, [touch(c)])),
        {("builtins", "map"), ("posix", "system")},
    ),
    "timeit": lambda c: (
        Call(timeit.timeit, python(c), "pass", float, 1),
        {("timeit", "timeit")},
    ),
    "a helper of NumPy's tests": lambda c: (
        Call(runstring, python(c), {}),
        {("numpy.testing._private.utils", "runstring")},
    ),
    "pandas reading a pickle": lambda c: (
        Call(pd.read_pickle, str(planted(c))),
        {(pd.read_pickle.__module__, "read_pickle")},
    ),
    "joblib reading a file": lambda c: (
        Call(joblib.load, str(planted(c))),
        {("joblib.numpy_pickle", "load")},
    ),
    "numpy reading a file": lambda c: (
        Call(np.load, str(planted_array(c)), None, True),
        {("numpy", "load")},
    ),
    "numpy writing a file": lambda c: (
        Call(np.savetxt, str(c), np.zeros(1)),
        {("numpy", "savetxt")},
    ),
}


def planted(canary: Path) -> Path:
    """Return a pickle beside the canary that makes it when read."""
    path = canary.with_name("planted.pkl")
    path.write_bytes(pickle.dumps(Call(os.system, touch(canary))))
    return path


def planted_array(canary: Path) -> Path:
    path = canary.with_name("planted.npy")
    np.save(path, np.array([Call(os.system, touch(canary))], dtype=object), allow_pickle=True)
    return path


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


def refusal_of(data: bytes, words: str = "", *names: tuple[str, str]) -> HostError:
    """Return the refusal, which must say ``words`` and list and say ``names``."""
    with pytest.raises(HostError) as caught:
        load(data, "joblib")
    error = caught.value
    assert error.code == "LOAD"
    assert words in error.message
    assert set(names) <= set(error.refused)
    for module, name in names:
        assert f"`{module}.{name}`" in error.message
    return error


def open_plainly(data: bytes) -> Any:
    """As a careless server does it. What comes out may have done its harm and then failed."""
    with contextlib.suppress(Exception):
        return joblib.load(io.BytesIO(data))
    return None


def appears(canary: Path) -> bool:
    """Return whether a process that was started, and that no one waits for, makes the canary."""
    for _ in range(1000):
        if canary.exists():
            return True
        subprocess.run(["true"], check=True)
    return False


@pytest.mark.parametrize("attack", CALLS)
def test_a_file_that_calls_what_models_do_not_need_is_refused(attack: str, canary: Path) -> None:
    call, names = CALLS[attack](canary)
    data = dumped(infected(call))

    refusal_of(data, "", *names)
    assert not canary.exists()

    open_plainly(data)
    assert appears(canary)


@pytest.mark.parametrize("compressor", ["zlib", "gzip", "bz2", "xz", "lzma", "lz4"])
def test_compression_hides_nothing(compressor: str, canary: Path) -> None:
    data = dumped(infected(Call(os.system, touch(canary))), (compressor, 3))

    refusal_of(data, "", ("posix", "system"))
    assert not canary.exists()

    open_plainly(data)
    assert canary.exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_no_protocol_hides_anything(protocol: int, canary: Path) -> None:
    data = pickle.dumps(infected(Call(os.system, touch(canary))), protocol)

    refusal_of(data, "", ("posix", "system"))
    assert not canary.exists()

    open_plainly(data)
    assert canary.exists()


def test_what_follows_the_first_array_is_read_as_strictly(canary: Path) -> None:
    model = infected(np.arange(1000.0), Call(os.system, touch(canary)))
    data = dumped(model)
    assert data.index(b"posix") > 8000

    refusal_of(data, "", ("posix", "system"))
    assert not canary.exists()

    open_plainly(data)
    assert canary.exists()


def test_the_pickle_inside_an_object_array_is_read_as_strictly(canary: Path) -> None:
    data = dumped(infected(np.array([Call(os.system, touch(canary)), 1], dtype=object)))

    refusal_of(data, "", ("posix", "system"))
    assert not canary.exists()

    open_plainly(data)
    assert canary.exists()


def test_every_unknown_name_is_listed_in_one_refusal(canary: Path) -> None:
    model = infected(Call(os.system, touch(canary)), Call(eval, python(canary)), specimen)

    error = refusal_of(dumped(model), "", ("posix", "system"), ("builtins", "eval"))

    assert ("tests.model_host.estimators", "specimen") in error.refused
    assert not canary.exists()


# Opcodes


OPCODES: dict[str, Callable[[str], bytes]] = {
    "INST": lambda c: program(b"(", text(c), b"ios\nsystem\n", protocol=2),
    "OBJ": lambda c: program(b"(", named("os", "system"), text(c), b"o", protocol=2),
    "EXT1": lambda c: program(b"\x82\xf0", text(c), b"\x85R", protocol=2),
    "EXT2": lambda c: program(b"\x83\xf0\x00", text(c), b"\x85R", protocol=2),
    "EXT4": lambda c: program(b"\x84\xf0\x00\x00\x00", text(c), b"\x85R", protocol=2),
    "protocol 0": lambda c: b"cos\nsystem\n(S'" + c.encode() + b"'\ntR.",
    "GLOBAL in protocol 2": lambda c: program(named("os", "system"), text(c), b"\x85R", protocol=2),
    "a dotted name": lambda c: program(
        text("joblib.numpy_pickle"), text("os.system"), b"\x93", text(c), b"\x85R"
    ),
    "NEWOBJ of a metaclass": lambda c: program(
        named("builtins", "type"),
        text("T"),
        named("builtins", "object"),
        b"\x85}\x87\x81",
        named("os", "system"),
        text(c),
        b"\x85R\x86",
    ),
    "NEWOBJ_EX": lambda c: program(
        named("functools", "partial"), named("os", "system"), b"\x85}\x92", text(c), b"\x85R"
    ),
}
NAMED_BY = {
    "GLOBAL in protocol 2": ("os", "system"),
    "a dotted name": ("joblib.numpy_pickle", "os.system"),
}


@pytest.fixture
def extension() -> Iterator[None]:
    """An application that registered extension code 240, as applications may."""
    copyreg.add_extension("os", "system", 240)
    yield
    copyreg.remove_extension("os", "system", 240)


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize("opcode", OPCODES)
def test_the_ways_around_a_plain_call_are_closed(opcode: str, canary: Path) -> None:
    data = OPCODES[opcode](touch(canary))

    refusal_of(data, "", *([NAMED_BY[opcode]] if opcode in NAMED_BY else []))
    assert not canary.exists()

    with contextlib.suppress(Exception):
        pickle.loads(data)
    assert canary.exists()


@pytest.mark.parametrize(
    "opcodes",
    [b"X\x01\x00\x00\x00aQ", b"P1\n", b"\x97", b"\x98", b"2", b"I1\n", b"S'a'\n", b"V\n", b"\xff"],
)
def test_opcodes_that_models_do_not_need_are_refused(opcodes: bytes) -> None:
    refusal_of(program(b"N", opcodes), "which models do not need")


# State


def test_the_state_of_a_function_cannot_be_set() -> None:
    data = program(
        named("sklearn.metrics._classification", "f1_score"), b"}", text("infected"), b"\x88sb"
    )

    refusal_of(data, "sets the state of a function that it did not make")
    assert not hasattr(f1_score, "infected")

    open_plainly(data)
    assert vars(f1_score).pop("infected")


def test_the_methods_of_a_class_cannot_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RBF, "infected", False, raising=False)
    data = program(
        named("sklearn.gaussian_process.kernels", "RBF"), b"N}", text("infected"), b"\x88s\x86b"
    )

    refusal_of(data, "sets the state of a type that it did not make")
    assert not RBF.infected

    open_plainly(data)
    assert RBF.infected


def test_the_state_of_an_object_is_set_once() -> None:
    once = pickle.dumps(LinearRegression().fit(numbers(), amounts()), 2)[2:-1]
    data = program(once, b"}", text("fit_intercept"), b"\x89sb", protocol=2)

    refusal_of(data, "sets the state of a LinearRegression that it did not make")

    assert open_plainly(data).fit_intercept is False


class Stated:
    """Pickles as what ``function`` makes, with a state."""

    def __init__(self, function: Any, arguments: tuple[Any, ...], state: Any) -> None:
        self.reduced = (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.reduced

    @property
    def __class__(self) -> Any:
        """The pickler wants to see the class that it names."""
        function, arguments, _ = self.reduced
        return arguments[0] if function is copyreg.__newobj__ else function  # type: ignore[attr-defined]


def new(kind: type, state: Any) -> Stated:
    return Stated(copyreg.__newobj__, (kind,), state)  # type: ignore[attr-defined]


def array_without_bytes() -> Stated:
    reduced: Any = np.zeros(3).__reduce__()
    return Stated(reduced[0], reduced[1], (1, (3,), np.dtype("f8"), False, b""))


def spline_of_a_refused_one() -> Any:
    model = copy.deepcopy(specimen("splines").estimator)
    inner = new(BSpline, {"t": array_without_bytes()})
    model[0].bsplines_[0] = new(BSpline, (inner, np.ones(4)))
    return model


def tree_of_refused_nodes() -> Any:
    model = copy.deepcopy(specimen("decision tree").estimator)
    kind, arguments, state = model.tree_.__reduce__()
    bent = {**state, "node_count": 0, "nodes": array_without_bytes()}
    model.tree_ = Stated(kind, arguments, bent)
    return model


def thresholds_that_were_refused() -> Any:
    model = IsotonicRegression().fit(np.arange(3.0), np.arange(3.0))
    state = model.__getstate__()
    return new(IsotonicRegression, {**state, "X_thresholds_": array_without_bytes()})


@pytest.mark.parametrize(
    "bend", [spline_of_a_refused_one, tree_of_refused_nodes, thresholds_that_were_refused]
)
def test_what_is_made_of_a_refused_part_is_refused_for_that_part(bend: Callable[[], Any]) -> None:
    refusal_of(pickle.dumps(bend()), "`ndarray` is used with values that no honest file has")


def test_an_attribute_cannot_replace_a_method() -> None:
    model = LinearRegression().fit(numbers(), amounts())
    model.predict = np.max
    data = dumped(model)

    refusal_of(data, "replaces `predict` of the class LinearRegression")

    assert open_plainly(data).predict is np.max


def test_a_distribution_runs_the_text_in_its_state_and_so_is_left_out(canary: Path) -> None:
    distribution = scipy.stats.uniform(0, 1)
    distribution.dist._parse_arg_template = python(canary) + "\n"
    distribution.dist._ctor_param = {}
    search = RandomizedSearchCV(
        LinearRegression(), {"fit_intercept": [True]}, n_iter=1, cv=2, random_state=0
    ).fit(numbers(), amounts())
    search.param_distributions = {"tol": distribution}
    data = dumped(search)

    loaded = load(data, "joblib")
    assert not canary.exists()
    assert loaded.estimator.predict(numbers()[:1]).shape == (1,)

    open_plainly(data)
    assert canary.exists()


def test_a_transformer_with_a_shell_for_a_function_is_refused(canary: Path) -> None:
    model = FunctionTransformer(os.system)
    data = dumped(model)

    refusal_of(data, "", ("posix", "system"))

    open_plainly(data).transform(touch(canary))
    assert canary.exists()


def test_a_partial_becomes_nothing_else_by_its_state(canary: Path) -> None:
    check_array = named("sklearn.utils.validation", "check_array")
    shell = named("os", "system")
    data = program(
        named("functools", "partial"),
        check_array,
        b"\x85R",
        b"(",
        shell,
        text(touch(canary)),
        b"\x85}Ntb)R",
    )

    refusal_of(data, "", ("os", "system"))
    assert not canary.exists()

    open_plainly(data)
    assert canary.exists()


def test_a_partial_of_another_function_is_refused(canary: Path) -> None:
    data = program(
        named("functools", "partial"),
        named("sklearn.cluster._kmeans", "_kmeans_single_lloyd"),
        b"\x85R",
    )

    refusal_of(data, "`partial` is used with values that no honest file has")
    assert open_plainly(data).func is _kmeans_single_lloyd


def test_a_type_is_no_attribute_unless_the_list_says_so() -> None:
    data = dumped(infected(Pipeline))

    refusal_of(data, "stores a type where only a value may be")

    assert open_plainly(data).extra_ == [Pipeline]


# Files named by files


def test_a_memory_map_of_a_file_is_refused(canary: Path) -> None:
    data = dumped(infected(Call(np.memmap, str(canary), "u1", "w+", 0, (1,))))

    refusal_of(data, "The file calls")
    assert not canary.exists()

    open_plainly(data)
    assert canary.exists()


def test_an_array_in_a_file_beside_the_model_is_never_opened(canary: Path) -> None:
    """joblib's format of before 2015 names other files, and they may hold pickles."""
    planted_array(canary)
    data = program(
        named("joblib.numpy_pickle", "NDArrayWrapper"),
        b")\x81}(",
        text("filename"),
        text("planted.npy"),
        text("subclass"),
        named("numpy", "ndarray"),
        text("allow_mmap"),
        b"\x89ub",
    )

    refusal_of(data, "", ("joblib.numpy_pickle", "NDArrayWrapper"))
    assert not canary.exists()

    model = canary.with_name("model.joblib")
    model.write_bytes(data)
    with contextlib.suppress(Exception):
        joblib.load(model)
    assert canary.exists()


def test_a_vectorizer_that_reads_files_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("good food")
    vectorizer = CountVectorizer(input="filename")
    model = make_pipeline(vectorizer, MultinomialNB()).fit([str(secret)] * 2, [0, 1])
    data = dumped(model)

    refusal_of(data, "The CountVectorizer reads files (input='filename')")

    counted = open_plainly(data)[0].transform([str(secret)])
    assert counted.sum() == 2


# Memory and time

OPEN = (
    "import resource, sys, pickle; resource.setrlimit(resource.RLIMIT_CPU, (60, 60));"
    "file = sys.stdin.buffer; model = pickle.load(file);"
)


def dies(data: bytes, after: str = "") -> bool:
    """Return whether opening it plainly, in a process of its own, ends that process, or computes
    until the system ends it: what reads beyond its memory may do either, and now and then finds
    memory there, so it is opened up to three times."""
    command = [sys.executable, "-c", OPEN + after]
    return any(
        subprocess.run(command, input=data, capture_output=True, check=False).returncode < 0
        for _ in range(3)
    )


def test_a_key_of_tuples_in_tuples_in_tuples_is_refused() -> None:
    data = program(b"}", b")" + b"\x85" * 300_000, b"Ns")

    refusal_of(data, "a tuple is used as a key")

    assert dies(data)


def test_an_array_type_that_lies_about_its_objects_is_refused() -> None:
    """Eight bytes called an object are an address that Python would follow."""
    dtype = program(
        named("numpy", "dtype"),
        text("O8"),
        b"\x89\x88\x87R(K\x03",
        text("|"),
        b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
    )[2:-1]
    made_by = np.zeros(1).__reduce__()[0]  # it stands elsewhere in NumPy 1
    array = named(made_by.__module__, "_reconstruct") + named("numpy", "ndarray")
    data = program(
        array,
        b"K\x00\x85C\x01b\x87R(K\x01K\x01\x85",
        dtype,
        b"\x89C\x08AAAAAAAAtb",
    )

    refusal_of(data, "`dtype` is used with values that no honest file has")

    assert dies(data, "print(model)")


def bent_tree() -> Any:
    model = copy.deepcopy(specimen("decision tree").estimator)
    state = model.tree_.__reduce__()[2]
    nodes = state["nodes"].copy()
    nodes["left_child"][0] = nodes["right_child"][0] = 2**33
    model.tree_.__setstate__({**state, "nodes": nodes})
    return model


def bent_histogram() -> Any:
    model = copy.deepcopy(specimen("histogram boosting regressor").estimator)
    nodes = model._predictors[0][0].nodes
    nodes["left"][0] = nodes["right"][0] = 2**31
    return model


def bent_neighbours() -> Any:
    model = copy.deepcopy(specimen("nearest neighbours, k-d tree").estimator)
    state = list(model._tree.__getstate__())
    state[3] = state[3].copy()
    state[2] = state[2].copy()
    state[2]["idx_end"][:] = 2**33
    model._tree.__setstate__(tuple(state))
    return model


BENT = {
    "decision tree": (bent_tree, "a decision tree leads outside itself"),
    "histogram boosting regressor": (bent_histogram, "a histogram tree leads outside itself"),
    "nearest neighbours, k-d tree": (bent_neighbours, "a tree of neighbours leads outside itself"),
}


@pytest.mark.parametrize("name", BENT)
def test_a_tree_that_leads_outside_itself_is_refused(name: str) -> None:
    bend, words = BENT[name]
    model = bend()

    for data in (dumped(model), pickle.dumps(model, 5), skops.io.dumps(model)):
        refusal_of(data, words)

    row = pickle.dumps(specimen(name).row)
    assert dies(pickle.dumps(model) + row, "model.predict(pickle.load(file))")


def test_a_tree_that_expects_more_columns_than_its_estimator_lets_in_is_refused() -> None:
    for name in ("decision tree", "random forest", "gradient boosting classifier"):
        model = copy.deepcopy(specimen(name).estimator)
        model.n_features_in_ = 1

        refusal_of(dumped(model), f"a {type(model).__name__} leads outside itself")
    boosting = copy.deepcopy(specimen("histogram boosting regressor").estimator)
    boosting.n_features_in_ = 1

    refusal_of(dumped(boosting), "a HistGradientBoostingRegressor leads outside itself")


def test_a_sparse_matrix_that_points_outside_itself_is_refused() -> None:
    model = copy.deepcopy(specimen("text, neighbours").estimator)
    model[-1]._fit_X.indices[0] = 2**30

    refusal_of(dumped(model), "a sparse matrix leads outside itself")


def test_a_random_generator_that_reads_outside_its_state_is_refused() -> None:
    data = pickle.dumps(infected(np.random.RandomState(0)), 2)
    position = text("pos") + b"q"
    start = data.index(b"M\x70\x02", data.index(position))

    refusal_of(data[:start] + b"M\x00\x80" + data[start + 3 :], "`MT19937` is used with values")


@pytest.mark.parametrize("compressor", ["zlib", "gzip", "bz2", "xz", "lzma", "lz4"])
def test_what_unpacks_to_too_much_is_refused(
    compressor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dumped(np.zeros(8 << 20, np.uint8), (compressor, 3))
    assert len(data) < 1 << 20
    monkeypatch.setattr(safe_load, "UNPACKED_BYTES", 4 << 20)

    refusal_of(data, "unpacks to more than a model may hold")

    assert open_plainly(data).nbytes == 8 << 20


def test_a_file_of_too_many_steps_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_load, "OPCODES", 1000)

    refusal_of(program(b"N0" * 1000, b"N"), "more steps to open than a model may")


def test_pickles_in_pickles_in_pickles_are_refused() -> None:
    array = dumped(np.array([None], dtype=object))
    start = array.rindex(b"\x80")

    refusal_of(array[:start] * 50 + array[start:], "nested in pickles too deeply")

    assert open_plainly(array[:start] * 50 + array[start:]) == np.array([None], dtype=object)


def header_of(shape: tuple[int, ...]) -> bytes:
    return pickle.dumps(
        NumpyArrayWrapper(np.ndarray, shape, "C", np.dtype("f8"), numpy_array_alignment_bytes=None)
    )


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((2**38,), "larger than a model may hold"),
        ((-1,), "`shape` is used with values"),
        ((2**62, 8), "`shape` is used with values"),
        ((4,) * 40, "`shape` is used with values"),
        ((10**6,), "cut off"),
    ],
)
def test_an_array_that_lies_about_its_length_is_refused(shape: tuple[int, ...], words: str) -> None:
    refusal_of(header_of(shape)[:-1] + b"12345678.", words)


def test_an_integer_of_a_million_digits_is_refused() -> None:
    refusal_of(program(b"\x8b\x00\x00\x10\x00" + b"\xff" * (1 << 20)), "which models do not need")
    refusal_of(program(b"\x8a\xff" + b"\x7f" * 255), "an integer of more digits")


def test_a_length_beyond_all_memory_is_refused() -> None:
    for opcode in (b"\x8d", b"\x8e", b"\x96"):
        refusal_of(program(opcode, (2**62).to_bytes(8, "little")))
        refusal_of(program(opcode, b"\xff" * 8))


# skops


def rewritten(data: bytes, change: Callable[[dict[str, Any]], None], **members: bytes) -> bytes:
    """Return the skops archive with another schema and more members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            if name != "schema.json":
                new.writestr(name, old.read(name))
        schema = json.loads(old.read("schema.json"))
        change(schema)
        new.writestr("schema.json", json.dumps(schema))
        for name, content in members.items():
            new.writestr(name, content)
    return buffer.getvalue()


def node(loader: str, module: str, name: str, **more: Any) -> dict[str, Any]:
    return {"__loader__": loader, "__module__": module, "__class__": name, **more}


def plain_list(*items: Any) -> dict[str, Any]:
    return node("ListNode", "builtins", "list", content=list(items))


def plain_tuple(*items: Any) -> dict[str, Any]:
    return node("TupleNode", "builtins", "tuple", content=list(items))


def json_node(value: Any) -> dict[str, Any]:
    return node("JsonNode", "builtins", "str", content=json.dumps(value), is_json=True)


SKOPS: dict[str, Callable[[Path], tuple[dict[str, Any], tuple[str, str] | None]]] = {
    "a constructor": lambda c: (
        node(
            "ConstructorFromReduceNode",
            "subprocess",
            "Popen",
            content=plain_tuple(plain_list(json_node("touch"), json_node(str(c)))),
        ),
        ("subprocess", "Popen"),
    ),
    "a collection": lambda c: (
        node("ListNode", "subprocess", "Popen", content=[json_node("touch"), json_node(str(c))]),
        ("subprocess", "Popen"),
    ),
    "keys through a function": lambda c: (
        node(
            "DictNode",
            "builtins",
            "dict",
            content={touch(c): json_node(1)},
            key_types=plain_list(node("TypeNode", "os", "system")),
        ),
        ("os", "system"),
    ),
    "an array of another class": lambda c: (
        node(
            "NdArrayNode",
            "pathlib",
            "Path.touch",
            type="json",
            content=[],
            shape=plain_tuple(json_node(0)),
        ),
        ("pathlib", "Path.touch"),
    ),
    "a method": lambda c: (
        node(
            "MethodNode",
            "sklearn.linear_model._base",
            "LinearRegression",
            content={
                "func": "fit",
                "obj": node("ObjectNode", "sklearn.linear_model._base", "LinearRegression"),
            },
        ),
        ("sklearn.linear_model._base", "LinearRegression"),
    ),
    "a memory map": lambda c: (node("TypeNode", "numpy", "memmap"), ("numpy", "memmap")),
    "a function by an early skops": lambda c: (
        node(
            "FunctionNode",
            "numpy",
            "tanh",
            content={"module_path": "os", "function": "system"},
        ),
        ("os", "system"),
    ),
    "a loss by an early skops": lambda c: (
        node(
            "SGDNode",
            "os",
            "system",
            content=json_node(None),
            __reduce__={"args": plain_tuple(json_node(touch(c)))},
        ),
        ("os", "system"),
    ),
    "an operator": lambda c: (
        node(
            "OperatorFuncNode",
            "operator",
            "methodcaller",
            attrs=plain_tuple(json_node("predict")),
        ),
        ("operator", "methodcaller"),
    ),
    "a partial": lambda c: (
        node(
            "PartialNode",
            "functools",
            "partial",
            content={
                "func": node("FunctionNode", "os", "system"),
                "args": plain_tuple(json_node(touch(c))),
                "kwds": node("DictNode", "builtins", "dict", content={}, key_types=plain_list()),
                "namespace": json_node(None),
            },
        ),
        None,
    ),
}


def bend_of_hidden(schema: dict[str, Any]) -> None:
    """Keys of the state, made by a spline of degree 500, which reads far beyond its numbers."""
    spline = next(one for one in nodes_of(schema) if one["__class__"] == "BSpline")
    bent = copy.deepcopy(spline)
    for one in nodes_of(bent):
        one.pop("__id__", None)
    numbers = next(one for one in nodes_of(bent) if "k" in one.get("content", ()))
    numbers["content"]["k"]["content"] = "500"  # of the spline, since SciPy 1.18 of one inside it
    state = next(one for one in nodes_of(schema) if "degree" in one.get("content", {}))
    state["content"] = {"0.5": json_node(1), **state["content"]}
    state["key_types"]["content"].insert(0, bent)


def nodes_of(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "__loader__" in part:
            yield part
        for value in part.values():
            yield from nodes_of(value)
    elif isinstance(part, list):
        for value in part:
            yield from nodes_of(value)


def node_of(schema: dict[str, Any], loader: str) -> dict[str, Any]:
    return next(one for one in nodes_of(schema) if one["__loader__"] == loader)


def keys_by_a_function(schema: dict[str, Any]) -> None:
    state = schema["content"]
    checks = node("FunctionNode", "sklearn.utils.validation", "check_array")
    state["key_types"]["content"] = [checks for _ in state["content"]]


def outputs_of_a_tree(schema: dict[str, Any]) -> None:
    arguments = node_of(schema, "TreeNode")["__reduce__"]["args"]
    arguments["content"][2] = json_node(10**9)


def no_state(loader: str, name: str) -> Callable[[dict[str, Any]], None]:
    def change(schema: dict[str, Any]) -> None:
        for one in nodes_of(schema):
            if one["__loader__"] == loader and one["__class__"].startswith(name):
                one["content"] = json_node(None)

    return change


def arguments_of_a_loss(schema: dict[str, Any]) -> None:
    node_of(schema, "LossNode")["__reduce__"]["args"]["content"] = [
        node("FunctionNode", "numpy", "max")
    ]


def posing_as_json(schema: dict[str, Any]) -> None:
    node_of(schema, "JsonNode").update(__module__="os", __class__="system")


def size_of_a_member(schema: dict[str, Any]) -> None:
    for one in nodes_of(schema):
        if one.get("type") == "numpy":
            one["file"] = "lie"


HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': (549755813888,), }"
LIE = b"\x93NUMPY\x01\x00" + len(HEADER).to_bytes(2, "little") + HEADER + bytes(64)

CHANGED: dict[str, tuple[str, Callable[[dict[str, Any]], None], str]] = {
    "keys that a function makes": ("ridge", keys_by_a_function, "keys that are no plain values"),
    "keys that a spline makes": ("splines", bend_of_hidden, "keys that are no plain values"),
    "a tree of a billion outputs": ("decision tree", outputs_of_a_tree, "`Tree` is used with"),
    "a tree without its nodes": ("decision tree", no_state("TreeNode", ""), "`Tree` is used with"),
    "a search tree without its rows": (
        "nearest neighbours, k-d tree",
        no_state("ObjectNode", "KDTree"),
        "`KDTree` is used with",
    ),
    "a loss made of a function": (
        "gradient boosting regressor",
        arguments_of_a_loss,
        "`CyHuberLoss` is used with",
    ),
    "a text that is named as a shell": ("ridge", posing_as_json, "names `os.system`"),
    "an array of 4 TB": ("ridge", size_of_a_member, "`ndarray` is used with"),
}
if is_older("scikit-learn 1.4"):  # in which such a loss is an object without a call
    del CHANGED["a loss made of a function"]


@pytest.mark.parametrize("name", CHANGED)
def test_what_a_skops_file_names_is_not_called_while_it_is_read(name: str) -> None:
    """skops makes keys, trees and losses by calling types with what the file gives; here each is
    made by a function of ours, which looks first."""
    model, change, words = CHANGED[name]
    data = rewritten(skops.io.dumps(specimen(model).estimator), change, lie=LIE)

    refusal_of(data, words)


def test_a_key_that_a_spline_makes_reads_beyond_the_spline_in_skops() -> None:
    data = rewritten(skops.io.dumps(specimen("splines").estimator), bend_of_hidden)
    command = "import sys, skops.io; data = sys.stdin.buffer.read(); skops.io.loads(data, trusted="
    trusted = "skops.io.get_untrusted_types(data=data))"

    done = subprocess.run(
        [sys.executable, "-c", command + trusted], input=data, capture_output=True, check=False
    )

    assert done.returncode < 0 or b"unhashable type: 'numpy.ndarray'" in done.stderr


def test_a_form_of_skops_that_is_not_read_is_told_to_who_approved_its_type() -> None:
    data = rewritten(
        skops.io.dumps(specimen("ridge").estimator),
        lambda schema: schema["content"]["content"].update(
            alpha=node("ListNode", "ratios", "Several", content=[])
        ),
    )

    with pytest.raises(HostError, match=r"joblib\.dump instead") as caught:
        load(data, "skops", approved=frozenset({("ratios", "Several")}))

    assert "made by hand" not in caught.value.message


DOES_HARM = {"a constructor", "a collection", "keys through a function"}
if is_older("skops 0.12"):  # which calls such a node with other arguments
    DOES_HARM.remove("a constructor")
"""The others need a call that follows; what their loaders can make is refused all the same."""


@pytest.mark.parametrize("attack", SKOPS)
def test_a_skops_file_is_held_against_our_list_not_its_own(attack: str, canary: Path) -> None:
    extra, refused = SKOPS[attack](canary)
    data = rewritten(
        skops.io.dumps(specimen("ridge").estimator),
        lambda schema: (
            schema["content"]["content"].update(extra_=extra)
            or schema["content"]["key_types"]["content"].append(node("TypeNode", "builtins", "str"))
        ),
    )

    refusal_of(data, "", *([refused] if refused else []))
    assert not canary.exists()

    with contextlib.suppress(Exception):
        skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    if attack in DOES_HARM:
        assert appears(canary)


def test_a_skops_archive_that_unpacks_to_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = skops.io.dumps(np.zeros(8 << 20, np.uint8), compression=zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(skops_reader, "UNPACKED_BYTES", 4 << 20)

    refusal_of(data, "unpacks to more than a model may hold")

    assert skops.io.loads(data).nbytes == 8 << 20


def test_a_skops_archive_that_lies_about_its_sizes_is_refused() -> None:
    data = skops.io.dumps(np.zeros(8 << 20, np.uint8), compression=zipfile.ZIP_DEFLATED)
    true_size = (8 << 20) + 128
    lying = data.replace(true_size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != data

    refusal_of(lying)


def test_a_skops_archive_with_two_schemas_is_refused() -> None:
    data = skops.io.dumps(specimen("ridge").estimator)
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("schema.json", "{}")

    refusal_of(buffer.getvalue(), "not one that skops writes")


def test_a_skops_archive_that_reads_one_member_over_and_over_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = skops.io.dumps(infected(np.zeros(10_000), *[np.zeros(1) for _ in range(5)]))
    monkeypatch.setattr(skops_reader, "UNPACKED_BYTES", len(data) + 5_000)
    assert len(load(data, "skops").estimator.extra_) == 6

    def repeat(schema: dict[str, Any]) -> None:
        first, *others = schema["content"]["content"]["extra_"]["content"]
        for part in others:
            part["file"] = first["file"]

    refusal_of(rewritten(data, repeat), "reads its arrays over and over")
