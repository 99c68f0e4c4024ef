"""The types a model file may name, as exact (module, name) pairs, each with the one role it plays.

``allow_list.json`` holds them. A rule by prefix (``sklearn.*``) would be no rule: packages hold
functions that read files and run text. Roles:

``NEWOBJ``    a class: the file makes an instance without calling it and gives it its attributes.
``REDUCE``    the file calls it; what runs is our own function (``constructors/``).
``DECODED``   as REDUCE, of a library that this server need not have: what it would make is data.
``ARGUMENT``  an inert name that only one of those functions may receive.
``VALUE``     a function or class that may stand in the model as a plain value.
``PARSED``    a booster: made like NEWOBJ, then its own C++ code parses the bytes in its state.
``DROPPED``   serves training alone; the model is loaded without it. SciPy's distributions, left
              in a file by a random search, belong here: restoring one runs text from the file.

The boosters of LightGBM and XGBoost stand apart, for the setting BOOSTERS_ALLOWED, which is off:
their C++ parsers crash on damaged files. Left out on purpose: ``copyreg._reconstructor``, which
protocols 2 to 5 do not need; ``numpy.matrix``. Which functions of NumPy, SciPy and scikit-learn are
on it follows from rules that a test holds it against; ``function_roles.py`` says where each of them
may stand. ``builtins.getattr`` and those of ``operator`` are on it for a few methods alone: any
other use of them is an unknown name.

The list has one name for each type. What other versions of Python and its libraries call it follows
from ``_ELSEWHERE`` and from nothing else: a rule makes other names of a listed pair, so none can
lead to what is not on the list. One list serves every version of the libraries that a runtime may
have: its ``former`` names, by the version that has them no more, are only known to older ones, and
``since`` says which names came with which version. A listed name that the installed libraries lack
is unavailable, and everything else works: ``preload`` says which these are.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution_version
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from model_host.protocol.artifact import TypeName

Role = Literal["NEWOBJ", "REDUCE", "DECODED", "ARGUMENT", "VALUE", "PARSED", "DROPPED"]

_data = json.loads(Path(__file__).with_name("allow_list.json").read_text())


def is_older(since: str) -> bool:
    """Return whether the library here is older than what ``since`` names: "scikit-learn 1.4". Asked
    by its number, since the worker looks names up without importing any library."""
    library, _, version = since.partition(" ")
    try:
        here = distribution_version(library)
    except PackageNotFoundError:
        return False
    return tuple(map(int, here.split(".")[:2])) < tuple(map(int, version.split(".")))


def _entries(data: Any) -> dict[TypeName, Role]:
    return {(module, name): role for module, names in data.items() for name, role in names.items()}


ENTRIES: dict[TypeName, Role] = _entries(_data["types"])
for _since, _names in _data["former"].items():
    if is_older(_since):
        ENTRIES |= _entries(_names)

_LATER = frozenset(
    (module, name)
    for since, modules in _data["since"].items()
    if is_older(since)
    for module, names in modules.items()
    for name in names
)
"""Entries that came with later versions than those here."""

BOOSTERS: dict[TypeName, Role] = {
    (module, name): role
    for module, names in _data["boosters"].items()
    for name, role in names.items()
}
"""The entries that are added if BOOSTERS_ALLOWED is on."""

BOOSTER_MODULES = tuple(_data["boosters"])
"""The modules to import before the lock in that case; a server may have none of them."""

_ELSEWHERE = tuple(
    (re.compile(listed), other)
    for listed, other in (
        # Python 2's names, which protocol 2 writes.
        (r"builtins:str", "__builtin__:unicode"),
        (r"builtins:int", "__builtin__:long"),
        (r"builtins:(?!getattr$)(\w+)", r"__builtin__:\1"),
        # NumPy 1 has no underscore before its core. Before NumPy 2.3 an ufunc does not say where it
        # is public, and pickle finds the compiled module. Its `clip` is not NumPy's `clip`.
        (
            r"numpy:(?!(?:clip|count_nonzero|imag|interp|real)$)(\w+)",
            r"numpy._core._multiarray_umath:\1",
        ),
        (r"numpy\._core\.(.+)", r"numpy.core.\1"),
        (r"numpy\.ma:MaskedArray", "numpy.ma.core:MaskedArray"),
        # `asarray` as SciPy's splines keep it, in the place where each version vendors it.
        (r"numpy:asarray", "scipy._lib.array_api_compat.numpy._aliases:asarray"),
        (r"numpy:asarray", "scipy._external.array_api_compat.numpy._aliases:asarray"),
        # SciPy before 1.8 has no underscores; until 1.10 the sparse arrays stand together.
        (r"scipy\.(\w+)\._(\w+):(\w+)", r"scipy.\1.\2:\3"),
        (r"scipy\.sparse\._\w+:(\w+_array)", r"scipy.sparse._arrays:\1"),
        (r"scipy\.special:(\w+)", r"scipy.special._ufuncs:\1"),
        (r"scipy\.special:(\w+)", r"scipy.special._special_ufuncs:\1"),
        # scikit-learn 1.6 to 1.8 calls its compiled losses by the name of their file alone.
        (r"sklearn\._loss\._loss:(\w+)", r"_loss:\1"),
        (
            r"sklearn\.metrics\._scorer:_CurveScorer",
            "sklearn.model_selection._classification_threshold:_CurveScorer",  # in 1.5
        ),
        # pandas before 3 says where it keeps its types.
        (r"pandas:Index", "pandas.core.indexes.base:Index"),
        (r"pandas:Index", "pandas.core.indexes.numeric:Int64Index"),
        (r"pandas:Index", "pandas.core.indexes.numeric:UInt64Index"),
        (r"pandas:Index", "pandas.core.indexes.numeric:Float64Index"),
        (r"pandas:RangeIndex", "pandas.core.indexes.range:RangeIndex"),
        (r"pandas:CategoricalIndex", "pandas.core.indexes.category:CategoricalIndex"),
        (r"pandas:DatetimeIndex", "pandas.core.indexes.datetimes:DatetimeIndex"),
        (r"pandas:TimedeltaIndex", "pandas.core.indexes.timedeltas:TimedeltaIndex"),
        (r"pandas:IntervalIndex", "pandas.core.indexes.interval:IntervalIndex"),
        (r"pandas:MultiIndex", "pandas.core.indexes.multi:MultiIndex"),
        (r"pandas:PeriodIndex", "pandas.core.indexes.period:PeriodIndex"),
        (r"pandas:Series", "pandas.core.series:Series"),
        (r"pandas:DataFrame", "pandas.core.frame:DataFrame"),
        (r"pandas:NA", "pandas._libs.missing:NA"),
        (r"pandas:Interval", "pandas._libs.interval:Interval"),
        (r"pandas:Period", "pandas._libs.tslibs.period:Period"),
        (r"pandas:Categorical", "pandas.core.arrays.categorical:Categorical"),
        (
            r"pandas:(Arrow|Categorical|DatetimeTZ|Interval|Period)Dtype",
            r"pandas.core.dtypes.dtypes:\1Dtype",
        ),
        (r"pandas:ArrowDtype", "pandas.core.arrays.arrow.dtype:ArrowDtype"),
        (r"pandas:(U?Int\d+Dtype)", r"pandas.core.arrays.integer:\1"),
        (r"pandas:(Float\d+Dtype)", r"pandas.core.arrays.floating:\1"),
        (r"pandas:BooleanDtype", "pandas.core.arrays.boolean:BooleanDtype"),
        (r"pandas(?:\.arrays)?:(String\w+)", r"pandas.core.arrays.string_:\1"),
        (r"pandas\.arrays:StringArray", "pandas.core.arrays.string_:StringArrayNumpySemantics"),
        (r"pandas\.arrays:(ArrowStringArray)", r"pandas.core.arrays.string_arrow:\1"),
        (r"pandas\.arrays:(ArrowStringArray)", r"pandas.core.arrays.string_arrow:\1NumpySemantics"),
        (r"pandas\.arrays:(ArrowExtensionArray)", r"pandas.core.arrays.arrow.array:\1"),
        (r"pandas\.arrays:(BooleanArray)", r"pandas.core.arrays.boolean:\1"),
        (r"pandas\.arrays:(IntegerArray)", r"pandas.core.arrays.integer:\1"),
        (r"pandas\.arrays:(FloatingArray)", r"pandas.core.arrays.floating:\1"),
        (r"pandas\.arrays:(DatetimeArray)", r"pandas.core.arrays.datetimes:\1"),
        (r"pandas\.arrays:(TimedeltaArray)", r"pandas.core.arrays.timedeltas:\1"),
        (r"pandas\.arrays:(PeriodArray)", r"pandas.core.arrays.period:\1"),
        (r"pandas\.arrays:(IntervalArray)", r"pandas.core.arrays.interval:\1"),
        (
            r"pandas\._libs\.tslibs\.nattype:_nat_unpickle",
            "pandas._libs.tslibs.nattype:__nat_unpickle",
        ),
    )
)
"""The other places of a listed ``module:name``, by version; a result may match once more."""

_STANDS_FOR: dict[TypeName, TypeName] = {
    ("numpy", "memmap"): ("numpy", "ndarray"),  # it opens a file when made
    # SciPy 1.18 keeps the numbers of a BSpline in an object of its own.
    ("scipy.interpolate._bsplines", "_BSpline"): ("scipy.interpolate._bsplines", "BSpline"),
}
"""Listed names for which another listed type is made."""


@dataclass(frozen=True)
class Entry:
    """A type that is allowed: its present name and role. ``approved`` by a superuser, for this file
    only, rather than on our list."""

    module: str
    name: str
    role: Role
    approved: bool = False


def other_names(module: str, name: str) -> list[TypeName]:
    """Return the other names of a listed type, by the rules above."""
    found = [f"{module}:{name}"]
    for one in found:  # grows meanwhile: what a rule gave may match another
        for listed, other in _ELSEWHERE:
            if match := listed.fullmatch(one):
                found += {match.expand(other)} - set(found)
    return [_split(one) for one in found[1:]]


def _split(text: str) -> TypeName:
    module, _, name = text.partition(":")
    return module, name


ALIASES: dict[TypeName, TypeName] = {
    other: listed for listed in ENTRIES for other in other_names(*listed) if other not in ENTRIES
}
"""The listed pair behind every other name."""


def find(module: str, name: str, *, boosters: bool = False) -> Entry | None:
    """Return the entry for what a file calls ``module`` and ``name``, None where there is none."""
    listed = ALIASES.get((module, name), (module, name))
    role = ENTRIES.get(listed) or (BOOSTERS.get(listed) if boosters else None)
    return None if role is None else Entry(*listed, role)


@cache
def located(module: str, name: str) -> TypeName:
    """Return where this server's libraries have a listed type: under its own name or another one of
    it. Call it for an ``Entry`` only: it imports the module.

    Raises ImportError or AttributeError where they do not have it.
    """
    made = _STANDS_FOR.get((module, name), (module, name))
    try:
        return _imported(*made)
    except (ImportError, AttributeError):
        for other in _in_same_package(*made):
            try:
                return _imported(*other)
            except (ImportError, AttributeError):
                continue
        raise


def _imported(module: str, name: str) -> TypeName:
    attrgetter(name)(importlib.import_module(module))
    return module, name


def _in_same_package(module: str, name: str) -> Iterator[TypeName]:
    """The other names within the same package. A name without its packages (``_loss``) could be any
    module here."""
    package = module.partition(".")[0]
    return (other for other in other_names(module, name) if other[0].partition(".")[0] == package)


@cache
def resolve(module: str, name: str) -> Any:
    """Return the object behind an ``Entry``. Raises as ``located`` does."""
    module, name = located(module, name)
    return attrgetter(name)(importlib.import_module(module))  # of a method: its class comes first


def preload() -> list[str]:
    """Import everything that the list names, so that a locked-down process need not open a file.
    Returns the names that cannot be had here, which should be none; what came with later versions
    of the libraries is not counted."""
    missing = []
    for (module, name), role in ENTRIES.items():
        if role not in ("DROPPED", "DECODED") and (module, name) not in _LATER:
            try:
                resolve(module, name)
            except Exception:  # whatever a library raises: that name is missing, no other
                missing.append(f"{module}.{name}")
    return missing
