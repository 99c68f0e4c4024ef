"""The state of reading one file: its budgets, and the stack items that are not plain values."""

from __future__ import annotations

import datetime
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from model_host.loading import allow_list
from model_host.protocol.artifact import TypeName
from model_host.protocol.errors import HostError

MOST_REFUSED = 100
_WRITE_CODE = ("cloudpickle", "dill")
"""Packages that pickle code, and so are named by a file with code in it."""
_CODE = re.compile("func|code|class|type|cell|module|lambda")
LISTED_FOR_SOME = frozenset(
    {("builtins", "getattr"), ("operator", "itemgetter"), ("operator", "methodcaller")}
)
"""Entries of the list for a few arguments only; with any others they are unknown."""
MOST_PLACEHOLDERS = 100_000
"""The maximum number of placeholders; the candidates of a search may be some thousand."""
KEY_DEPTH = 4
"""Hashing a tuple of tuples of tuples ... overflows the C stack."""
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
_OF_PYTHON = frozenset(
    {Decimal, datetime.datetime, datetime.date, datetime.time, datetime.timedelta}
)
_OF_PANDAS = frozenset(
    {pd.Timestamp, pd.Timedelta, pd.Interval, pd.Period, type(pd.NaT), type(pd.NA)}
)
"""The types that pandas has categories of; each is made of plain values alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A name from the file, which is never called or used: its entry in the allow-list."""

    entry: allow_list.Entry

    @property
    def name(self) -> TypeName:
        return self.entry.module, self.entry.name


@dataclass(frozen=True, slots=True, eq=False)
class Absent:
    """A placeholder for an unknown or dropped type and all that is made of it, and for what a known
    one may not be made of: then with the ``error`` that says so. ``parts``: what it would consist
    of, which is never looked at but to tell what leads to it."""

    module: str
    name: str
    error: HostError | None = None
    parts: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class ArrayHeader:
    """The header that joblib writes before the raw bytes of an array."""


@dataclass(slots=True, eq=False)
class Part:
    """A part of a larger value of pandas or Arrow, which no model keeps by itself: its kind and
    what a maker read of it."""

    kind: str
    content: Any


@dataclass(frozen=True, slots=True)
class Made:
    """The result of REDUCE or NEWOBJ. ``build`` sets its state, once, and may give another object
    in its place; ``needs_state`` where it is not fit for use before that."""

    value: Any
    build: Callable[[Reading, Any, Any], Any]
    needs_state: bool = False


@dataclass(slots=True)
class Reading:
    """The state of reading one file: what it has used and named so far, nested pickles included."""

    approved: frozenset[TypeName]
    opcodes_left: int
    boosters: bool = False
    depth: int = 0
    named: set[TypeName] = field(default_factory=set)
    unknown: dict[TypeName, None] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    unbuilt: dict[int, Made] = field(default_factory=dict)
    refused: list[Absent] = field(default_factory=list)
    spoilt: dict[int, Absent] = field(default_factory=dict)
    has_dropped: bool = False

    def is_built(self, value: object) -> bool:
        """Return whether ``value`` may be used: the file need not set its state any more."""
        made = self.unbuilt.get(id(value))
        return (made is None or not made.needs_state) and id(value) not in self.spoilt

    def refuse(self, module: str, name: str, error: HostError | None, *parts: Any) -> Absent:
        """Return the placeholder of something unknown, or not constructed because of ``error``.
        ``leftovers.py`` decides whether the file can do without it."""
        if len(self.refused) >= MOST_PLACEHOLDERS:
            raise error or unknown_types(((module, name),))
        if error is not None:
            error.__traceback__ = None  # it would keep all that is on the stack
        absent = Absent(module, name, error, list(parts))
        self.refused.append(absent)
        return absent

    def make(self, make: Callable[..., Any], what: Any, arguments: tuple[Any, ...]) -> Any:
        """Call the constructor ``make`` for what the file calls or makes an instance of.
        Returns a placeholder if ``what`` is one, is given one, or is refused."""
        name = _name_of(what)
        if isinstance(what, Absent):
            absent = Absent(*name, parts=[what, arguments])
            for one in arguments:  # what the file goes on with after the call was made for it
                if isinstance(one, Absent):
                    one.parts.append(absent)
            return absent
        error = None
        if not any(isinstance(one, Absent) or id(one) in self.spoilt for one in arguments):
            try:
                return make(self, what, arguments)
            except HostError as refusal:
                error = refusal
        if name in LISTED_FOR_SOME:
            self.unknown[name] = None
            return self.refuse(*name, None, arguments)
        if error is None:
            return Absent(*name, parts=[arguments])
        return self.refuse(*name, error, arguments)

    def set_state(self, made: Made, state: Any) -> None:
        """Set the state of what was ``made``. Where that is refused, a placeholder stands for it
        wherever it is."""
        try:
            self.build(made, state)
        except HostError as error:
            spoilt = self.refuse(*_name_of(made.value), error, made.value, state)
            self.spoilt[id(made.value)] = spoilt

    def build(self, made: Made, state: Any) -> None:
        """Set the state of what was ``made``. HostError where it is refused, or where a part of it
        was and the object cannot do without."""
        if made.needs_state and not all(map(self.is_built, _parts_of(state))):
            raise unfit(type(made.value).__name__)
        try:
            made.build(self, made.value, state)
        except (HostError, MemoryError):
            raise
        except Exception as error:  # whatever the library makes of a part that is not fit for use
            if all(self.is_built(one) and not isinstance(one, Absent) for one in _parts_of(state)):
                raise
            raise unfit(type(made.value).__name__) from error

    def find(self, module: str, name: str) -> Any:
        """Look up a name for the file: a value, a ``Named``, or an ``Absent``."""
        self.named.add((module, name))
        entry = allow_list.find(module, name, boosters=self.boosters)
        if entry is None and (module, name) in self.approved and "." not in name:
            entry = allow_list.Entry(module, name, "NEWOBJ", approved=True)
        if entry is None:
            self.unknown[(module, name)] = None
            return self.refuse(module, name, None)
        if entry.role == "DROPPED":
            self.has_dropped = self.has_dropped or not module.startswith("numpy.random")
            return Absent(module, name)
        try:
            if entry.role == "VALUE":
                return resolve(entry)
            if entry.approved and not isinstance(found := resolve(entry), type):
                return found
        except HostError as error:
            return self.refuse(module, name, error)
        return Named(entry)

    def check_finished(self) -> None:
        """Refuse a file that leaves something half made."""
        if any(made.needs_state for made in self.unbuilt.values()):
            raise damaged("it leaves an object without its state")


def _parts_of(state: Any) -> Iterator[Any]:
    """What stands in a state: values of a dict, or members of a tuple and the values of a dict in
    it."""
    for one in state if type(state) is tuple else (state,):
        yield one
        if type(one) is dict:
            yield from one.values()


def _name_of(what: Any) -> TypeName:
    """The name of what a file uses, or of its type."""
    if isinstance(what, Named):
        return what.name
    if isinstance(what, Absent):
        return what.module, what.name
    return type(what).__module__, type(what).__name__


def unknown_types(names: tuple[TypeName, ...]) -> HostError:
    """Return the refusal of a file that names what the allow-list does not hold."""
    own = [name for name in names if name[0] == "__main__"]
    listed = in_words(own or names)
    code_of = next((root for root in _WRITE_CODE if any(_is_of(one, root) for one in names)), None)
    if code_of is not None and not any(_CODE.search(name) for _, name in names):
        message = (
            f"The file was saved with {code_of}, which writes values in a way of its own "
            f"({in_words(names[:1])}) that is not read here. Save the model with "
            "joblib.dump(model, 'model.joblib')."
        )
    elif code_of is not None:
        message = (
            f"The file was saved with {code_of}, which writes the code of functions, lambdas and "
            f"classes into it ({in_words(names[:1])}); no code from a file is run here. Define "
            "them in an importable module, install that module on the worker, and save the model "
            "with joblib.dump(model, 'model.joblib')."
        )
    elif names[0] == ("joblib.numpy_pickle", "NDArrayWrapper"):
        message = (
            f"The file was saved with joblib before 0.10 (it names {in_words(names[:1])}), which "
            "keeps the arrays in files beside it. Open it where they are and save it again with a "
            "newer joblib."
        )
    elif own:
        message = (
            f"The file needs {listed}, which this server does not have. Define "
            f"{'it' if len(own) == 1 else 'them'} in an importable module, install that module on "
            "the worker, and save the model again."
        )
    elif any(name in allow_list.BOOSTERS for name in names):
        message = (
            f"The file names {listed}. Models of XGBoost and LightGBM are not opened here, because "
            "their C++ code crashes on damaged files; BOOSTERS_ALLOWED=1 in the server's settings "
            "opens them."
        )
    elif len(names) == 1:
        message = f"The file names {listed}, which is not on the list of known types."
    else:
        message = f"The file names {listed}, which are not on the list of known types."
    return HostError("LOAD", message, refused=names[:MOST_REFUSED])


def _is_of(name: TypeName, package: str) -> bool:
    return name[0] == package or name[0].startswith((f"{package}.", f"joblib.externals.{package}."))


def in_words(names: Sequence[TypeName]) -> str:
    """Format at most five names for a sentence; unprintable characters are escaped."""
    shown = [f"`{ascii(f'{module}.{name}'[:120])[1:-1]}`" for module, name in names[:5]]
    if len(names) > 5:
        shown.append(f"{len(names) - 5} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def damaged(what: str) -> HostError:
    """Return the refusal of a file that breaks the rules of its own format."""
    return HostError("LOAD", f"The file is damaged or was made by hand: {what}.")


def unfit(name: str) -> HostError:
    """Return the refusal of arguments or a state that the type ``name`` never has in an honest
    file."""
    return damaged(f"`{name}` is used with values that no honest file has")


def resolve(entry: allow_list.Entry) -> Any:
    """Return the object behind an allowed name; a HostError where the libraries here lack it."""
    try:
        return allow_list.resolve(entry.module, entry.name)
    except (ImportError, AttributeError, OSError) as error:
        package = entry.module.partition(".")[0]
        version = getattr(sys.modules.get(package), "__version__", "")
        message = f"The file needs `{entry.module}.{entry.name}`, which "
        if version:
            library = {"sklearn": "scikit-learn"}.get(package, package)
            message += (
                f"{library} {version} on this server does not have. Train the model again with "
                "the versions used here and save it."
            )
        else:
            message += (
                "this server does not have. Install it on the worker, or save the model again "
                "with the versions used here."
            )
        missing = ((entry.module, entry.name),)
        raise HostError("LOAD", message, refused=missing, absent=missing) from error


def check_key(key: object, depth: int = 0) -> None:
    """Refuse what must not be hashed: deep tuples, and anything but plain values."""
    kind = type(key)
    if kind in _PLAIN or kind in _OF_PYTHON or kind in _OF_PANDAS:
        return
    if kind is tuple and depth < KEY_DEPTH:
        for item in key:  # type: ignore[attr-defined]
            check_key(item, depth + 1)
        return
    if isinstance(key, np.generic) and not isinstance(key, np.void | np.object_):
        return
    if isinstance(key, type) and kind is type:
        return
    if isinstance(key, Absent):
        return
    raise damaged(f"a {kind.__name__} is used as a key")
