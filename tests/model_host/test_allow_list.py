"""The list of known types against the libraries that are installed, and against other versions."""

import importlib
import pickle
import re
import sys
import types
import warnings
from collections import Counter

import numpy as np
import pytest
import sklearn.metrics
from scipy.spatial import distance
from sklearn import model_selection
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from model_host.loading import allow_list
from model_host.loading.allow_list import ALIASES, ENTRIES, find, other_names, preload, resolve
from model_host.loading.safe_load import load
from model_host.protocol.errors import HostError
from tests.model_host.public_functions import DISTANCES, METRICS, NUMPY, excluded, ruled

ASARRAYS = {
    (f"scipy.{package}.array_api_compat.numpy._aliases", "asarray")
    for package in ("_lib", "_external")
}
"""SciPy's own wrappers, in whose place a file gets NumPy's function."""
BESIDE_THE_RULES = {
    ("numpy", "abs"),
    ("scipy.special", "boxcox"),
    ("scipy.special", "inv_boxcox"),
}
"""On the list for themselves: another name of `absolute`, and those that have a twin."""
LIBRARIES = ("numpy", "pandas", "scipy", "sklearn")


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return a list that a test may add to."""
    monkeypatch.setattr(allow_list, "ENTRIES", dict(ENTRIES))
    return monkeypatch


def here(module: str) -> types.ModuleType | None:
    """Return the module, if the libraries that are installed have it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are about to go
        try:
            return importlib.import_module(module)
        except ImportError:
            return None


def test_every_listed_type_exists_on_this_server() -> None:
    assert preload() == []


def test_a_listed_type_that_the_libraries_lack_is_told_and_no_other_is_missing(
    listed: pytest.MonkeyPatch,
) -> None:
    broken = types.ModuleType("sklearn.broken")

    def fail(name: str) -> object:
        raise RuntimeError(f"no {name} today")

    broken.__getattr__ = fail  # type: ignore[method-assign]
    listed.setitem(sys.modules, "sklearn.broken", broken)
    absent = [
        ("scipy._lib.of_yesterday", "asarray"),
        ("sklearn.linear_model._base", "OfTomorrow"),
        ("sklearn.broken", "Anything"),
    ]
    for module, name in absent:
        listed.setitem(allow_list.ENTRIES, (module, name), "VALUE")

    assert preload() == [f"{module}.{name}" for module, name in absent]


def test_a_file_that_needs_a_listed_type_of_another_version_is_told_which_version_runs_here(
    listed: pytest.MonkeyPatch,
) -> None:
    listed.setitem(allow_list.ENTRIES, ("sklearn.linear_model._ridge", "Rodge"), "NEWOBJ")
    data = pickle.dumps(Ridge().fit([[1.0]], [1.0])).replace(b"\x8c\x05Ridge", b"\x8c\x05Rodge")

    with pytest.raises(HostError) as caught:
        load(data, "pickle")

    assert caught.value.absent == (("sklearn.linear_model._ridge", "Rodge"),)
    assert re.fullmatch(
        r"The file needs `sklearn\.linear_model\._ridge\.Rodge`, which scikit-learn [\d.]+ on this "
        r"server does not have\. Train the model again with the versions used here and save it\.",
        caught.value.message,
    )


# Other names


def test_every_other_name_leads_to_one_listed_type_and_is_not_listed_itself() -> None:
    made = Counter(other for listed in ENTRIES for other in other_names(*listed))

    assert [other for other, count in made.items() if count > 1] == []
    assert [other for other in made if other in ENTRIES] == []
    assert set(ALIASES.values()) <= ENTRIES.keys()
    for other, listed in ALIASES.items():
        entry = find(*other)
        assert entry is not None
        assert ((entry.module, entry.name), entry.role) == (listed, ENTRIES[listed])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_where_this_server_has_another_name_too_it_is_the_same_object() -> None:
    both = {
        other: getattr(module, other[1])
        for other in ALIASES
        if other not in ASARRAYS
        and other[0].partition(".")[0] in LIBRARIES
        and (module := here(other[0]))
        and hasattr(module, other[1])
    }

    assert len(both) > 50
    assert [other for other, found in both.items() if found is not resolve(*ALIASES[other])] == []


def test_beside_a_known_name_every_other_name_of_its_module_stays_closed() -> None:
    """Whatever the installed libraries keep in the modules of known names, and all that a file may
    make up: what is not on the list has no entry."""
    modules = {module for module, _ in (*ALIASES, *ENTRIES)}
    opened = [
        (module, name)
        for module in modules
        for name in (*dir(here(module)), "evil", "os", "system", "__reduce__", "__class__", "*")
        if (module, name) not in ENTRIES
        and (module, name) not in ALIASES
        and find(module, name, boosters=True) is not None
    ]

    assert opened == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("_loss", "CyLossFunction"),
        ("_loss._loss", "CyHuberLoss"),
        ("evil._loss", "CyHuberLoss"),
        ("sklearn._loss", "CyHuberLoss"),
        ("numpy.core", "multiarray.scalar"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy.core.multiarray.evil", "scalar"),
        ("numpy.core._multiarray_umath", "clip"),
        ("numpy._core._multiarray_umath", "fromfile"),
        ("numpy.core.numeric", "load"),
        ("numpy.ma.core", "max"),
        ("numpy.lib.scimath", "log"),
        ("scipy.sparse.csr", "os"),
        ("scipy.sparse._csr._csr", "csr_matrix"),
        ("scipy.sparse.__csr", "csr_matrix"),
        ("scipy.sparse._arrays", "csr_matrix"),
        ("scipy._lib.array_api_compat.numpy._aliases", "asarray.__globals__"),
        ("scipy._lib.array_api_compat.numpy._aliases", "np"),
        ("scipy._lib.array_api_compat.torch._aliases", "asarray"),
        ("sklearn.externals.array_api_compat.numpy._aliases", "asarray"),
        ("__builtin__", "eval"),
        ("__builtin__", "file"),
        ("__builtin__", "getattr"),
        ("builtins", "long"),
        ("pandas.core.indexes.base", "eval"),
        ("pandas", "eval"),
        ("pandas", "read_pickle"),
        ("pandas", "Series.apply"),
        ("pandas.core.frame", "DataFrame.eval"),
        ("pandas.core.series", "DataFrame"),
        ("pandas.core.dtypes.dtypes", "SparseDtype"),
        ("pandas.core.arrays.integer", "BooleanArray"),
        ("pandas.core.internals.managers", "create_block_manager_from_blocks"),
        ("pandas._libs.tslibs.offsets", "CustomBusinessDay"),
        ("pandas._libs.tslibs.nattype", "___nat_unpickle"),
        ("pyarrow", "memory_map"),
        ("pyarrow.lib", "foreign_buffer"),
        ("pyarrow.lib", "_restore_array.__globals__"),
        ("pytz", "timezone"),
        ("numpy.random._philox", "os"),
        ("NUMPY.core.multiarray", "scalar"),
        ("numpy.core.multiarray ", "scalar"),
        ("numpy:core.multiarray", "scalar"),
        ("numpy", "core.multiarray:scalar"),
    ],
)
def test_what_only_looks_like_another_name_has_no_entry(module: str, name: str) -> None:
    assert find(module, name, boosters=True) is None


def test_a_listed_type_is_found_where_the_library_has_it_now(
    listed: pytest.MonkeyPatch,
) -> None:
    moved = ((re.compile("sklearn.formerly:Pipeline"), "sklearn.pipeline:Pipeline"),)
    listed.setattr(allow_list, "_ELSEWHERE", moved)

    assert resolve("sklearn.formerly", "Pipeline") is Pipeline


def test_a_listed_type_is_never_taken_from_another_package(listed: pytest.MonkeyPatch) -> None:
    """``_loss`` alone may be a module of anybody here."""
    foreign = types.ModuleType("_loss")
    foreign.CyLogitLoss = object()  # type: ignore[attr-defined]
    listed.setitem(sys.modules, "_loss", foreign)

    assert ("_loss", "CyLogitLoss") in other_names("sklearn._loss._loss", "CyLogitLoss")
    with pytest.raises(AttributeError):
        resolve("sklearn._loss._loss", "CyLogitLoss")


def test_texts_and_numbers_are_known_by_the_names_that_protocol_2_writes() -> None:
    for kind in (str, int, float):
        names = re.findall(rb"c(\w+)\n(\w+)\n", pickle.dumps(kind, 2))
        ((module, name),) = [(one.decode(), other.decode()) for one, other in names]

        entry = find(module, name)

        assert entry is not None
        assert resolve(entry.module, entry.name) is kind


def test_a_memory_map_is_made_as_an_array_in_memory() -> None:
    assert resolve("numpy", "memmap") is np.ndarray


# Functions by rule


def test_the_functions_on_the_list_are_those_that_the_rules_allow() -> None:
    modules = {module for module, _ in ruled()}
    listed = {
        (module, name)
        for (module, name), role in ENTRIES.items()
        if module in modules and role == "VALUE" and not isinstance(resolve(module, name), type)
    }

    assert ruled() - listed == set()
    assert listed - ruled() == BESIDE_THE_RULES


@pytest.mark.parametrize(
    ("library", "reasons"), [(np, NUMPY), (sklearn.metrics, METRICS), (distance, DISTANCES)]
)
def test_what_the_rules_leave_out_is_named_once_and_has_no_entry(
    library: types.ModuleType, reasons: dict[str, str]
) -> None:
    names = excluded(reasons)

    assert len(names) == len(set(names))
    assert [name for name in names if find(library.__name__, name) is not None] == []
    assert [
        name
        for name in names
        if (one := getattr(library, name, None))
        and find(one.__module__, getattr(one, "__name__", name)) is not None
    ] == []


def test_every_splitter_of_scikit_learn_is_on_the_list() -> None:
    splitters = {
        (one.__module__, one.__name__)
        for one in vars(model_selection).values()
        if isinstance(one, type) and hasattr(one, "split") and one.__name__[0] != "B"
    }

    assert len(splitters) > 10
    assert {name for name in splitters if ENTRIES.get(name) != "NEWOBJ"} == set()
