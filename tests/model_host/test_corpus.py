"""Honest models in every format: they open without approval, and predict the same as before."""

from __future__ import annotations

import io
import pickle
import sys
from collections import Counter
from collections.abc import Callable
from types import FunctionType
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
from sklearn.utils import Bunch

from model_host.loading import allow_list
from model_host.loading.checks.loaded_graph import settle
from model_host.loading.reading_state import Absent
from model_host.loading.safe_load import load
from model_host.protocol.artifact import Format
from model_host.protocol.errors import HostError
from tests.model_host.estimators import NAMES, specimen
from tests.model_host.other_stacks import answers


def _joblib(compressor: str | None, protocol: int | None = None) -> Callable[[Any], bytes]:
    def write(estimator: Any) -> bytes:
        buffer = io.BytesIO()
        compress: Any = (compressor, 3) if compressor else 0
        joblib.dump(estimator, buffer, compress=compress, protocol=protocol)
        return buffer.getvalue()

    return write


def _pickle(protocol: int) -> Callable[[Any], bytes]:
    return lambda estimator: pickle.dumps(estimator, protocol)


WRITERS: dict[str, tuple[Format, Callable[[Any], bytes]]] = {
    "joblib": ("joblib", _joblib(None)),
    **{f"joblib {name}": ("joblib", _joblib(name)) for name in ("zlib", "gzip", "bz2", "xz")},
    **{f"joblib {name}": ("joblib", _joblib(name)) for name in ("lzma", "lz4")},
    **{f"joblib protocol {n}": ("joblib", _joblib(None, n)) for n in (2, 3, 5)},
    **{f"pickle protocol {n}": ("pickle", _pickle(n)) for n in (2, 3, 4, 5)},
    "skops": ("skops", skops.io.dumps),
}
NOT_IN_SKOPS = {"columns by pandas index"}
"""Models that skops itself cannot write."""


def write(name: str, writer: str) -> bytes:
    return WRITERS[writer][1](specimen(name).estimator)


def same(one: Any, other: Any) -> bool:
    """Return whether two objects are alike down to the last array, types and memory order
    included."""
    if isinstance(one, Absent):
        return True  # serves training alone, and so is not restored
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        alike = one.dtype == other.dtype and one.shape == other.shape
        if one.dtype == object:
            return alike and all(map(same, one.ravel().tolist(), other.ravel().tolist()))
        if one.dtype.names:  # the bytes between the fields mean nothing
            return alike and all(same(one[field], other[field]) for field in one.dtype.names)
        ordered = (one.flags.c_contiguous, one.flags.f_contiguous) == (
            other.flags.c_contiguous,
            other.flags.f_contiguous,
        )
        return alike and ordered and one.tobytes() == other.tobytes()
    if isinstance(one, dict | Bunch):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, pd.Index):
        return bool(one.equals(other)) and one.dtype == other.dtype and one.name == other.name
    if one is None or isinstance(one, str | int | bytes | set | frozenset | type | np.ufunc):
        return bool(one == other)
    if isinstance(one, FunctionType | type(np.clip)):
        return one is other
    return _same_state(one, other)


def _same_state(one: Any, other: Any) -> bool:
    if isinstance(one, float | np.generic):
        return np.asarray(one).tobytes() == np.asarray(other).tobytes()
    if isinstance(one, np.random.BitGenerator):  # the seed it came from is not restored
        return str(one.state) == str(other.state)
    reduced = [part.__reduce_ex__(4) for part in (one, other)]
    return all(same(a, b) for a, b in zip(*(part[1:3] for part in reduced), strict=True))


def writers(name: str) -> list[str]:
    return [writer for writer in WRITERS if writer != "skops" or name not in NOT_IN_SKOPS]


@pytest.mark.parametrize("name", NAMES)
def test_an_honest_model_opens_in_every_format_and_predicts_the_same(name: str) -> None:
    row = specimen(name).row
    expected = answers(joblib.load(io.BytesIO(write(name, "joblib"))), row)
    for writer in writers(name):
        data = write(name, writer)

        loaded = load(data, WRITERS[writer][0])

        if writer == "skops":
            plain = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
        else:
            plain = joblib.load(io.BytesIO(data))
        settle(plain, frozenset())
        assert same(loaded.estimator, plain), writer
        assert same(answers(loaded.estimator, row), expected), writer
        assert loaded.libraries == {"scikit-learn": sklearn.__version__}, writer


def smallest_by_entry() -> dict[tuple[str, str], tuple[str, str]]:
    """For each entry of the allow-list that the corpus uses: the smallest file that names it."""
    sizes: dict[tuple[str, str], tuple[int, str, str]] = {}
    for name in NAMES:
        for writer in {"joblib", "pickle protocol 2", "pickle protocol 5", "skops"} & {
            *writers(name)
        }:
            data = write(name, writer)
            for module, type_name in load(data, WRITERS[writer][0]).types:
                entry = allow_list.find(module, type_name)
                if entry is not None:
                    key = (entry.module, entry.name)
                    sizes[key] = min(sizes.get(key, (1 << 40, "", "")), (len(data), name, writer))
    return {key: (name, writer) for key, (_, name, writer) in sizes.items()}


def test_without_its_entry_in_the_allow_list_no_model_opens_unless_training_alone_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used = smallest_by_entry()
    assert len(used) > 220
    still_open = []
    for key, (name, writer) in used.items():
        data = write(name, writer)
        role = allow_list.ENTRIES[key]
        with monkeypatch.context() as context:
            context.delitem(allow_list.ENTRIES, key)
            try:
                if not load(data, WRITERS[writer][0]).left_out:
                    still_open.append((key, role, name))
            except HostError as error:
                if key not in [allow_list.ALIASES.get(named, named) for named in error.refused]:
                    still_open.append((key, role, error.message))

    assert still_open == []


def test_every_callable_entry_has_a_maker_of_our_own() -> None:
    from model_host.loading import pickle_machine  # noqa: F401  (registers the makers)
    from model_host.loading.constructors import calls

    callables = {key for key, role in allow_list.ENTRIES.items() if role in ("REDUCE", "DECODED")}
    numbers_only = {key for key in callables if key[0] in calls._NUMBERS_ONLY}

    assert callables - numbers_only == set(calls.MAKERS) - numbers_only
    assert {allow_list.ENTRIES[key] for key in calls.BLANKS} <= {"NEWOBJ", "REDUCE"}


def calls_to_open(trees: int) -> int:
    """Return how many functions are called while a forest of so many trees is opened."""
    from sklearn.ensemble import RandomForestClassifier

    from tests.model_host.estimators import labels, numbers

    forest = RandomForestClassifier(trees, max_depth=3, random_state=0).fit(numbers(), labels())
    data, calls = _joblib("zlib")(forest), Counter[str]()
    load(data, "joblib")  # what is imported once does not count
    sys.setprofile(lambda frame, event, argument: calls.update([event]))
    try:
        load(data, "joblib")
    finally:
        sys.setprofile(None)
    return calls["call"] + calls["c_call"]


def test_a_tree_costs_as_little_in_a_large_forest_as_in_a_small_one() -> None:
    small, large = calls_to_open(10), calls_to_open(100)

    assert large <= 10 * small
    assert large < 100 * 3_000


def test_a_loaded_model_uses_one_thread_and_no_cache(tmp_path: Any) -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from tests.model_host.estimators import labels, numbers

    forest = RandomForestClassifier(3, n_jobs=4, verbose=2, random_state=0)
    model = make_pipeline(StandardScaler(), forest, memory=str(tmp_path))
    model.fit(numbers(), labels())

    loaded = load(pickle.dumps(model), "pickle").estimator

    assert loaded.memory is None
    assert (loaded[-1].n_jobs, loaded[-1].verbose) == (1, 0)
