"""The table of constructors that run in place of the calls and classes that a file names.

``call`` stands for REDUCE, ``instance`` for NEWOBJ. The constructors themselves are in the
other modules of this package: each checks every argument and every state exactly, and builds with
functions that run nothing from the file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from model_host.loading.reading_state import (
    ArrayHeader,
    Made,
    Named,
    Reading,
    damaged,
    resolve,
    unfit,
)
from model_host.protocol.artifact import TypeName
from model_host.protocol.errors import HostError

Arguments = tuple[Any, ...]
Maker = Callable[[Reading, Arguments], Any]

MAKERS: dict[TypeName, Maker] = {}
SETTERS: dict[TypeName, Callable[[Reading, Any, Any], None]] = {}
"""The functions that set the state of instances that are unusable without it, and whose state is
not their attributes in every version of the library."""
BLANKS: dict[TypeName, Callable[[], Made]] = {}
"""The result of NEWOBJ for types that pandas only uses once they have their state."""
_NUMBERS_ONLY = ("sklearn._loss._loss", "sklearn.linear_model._sgd_fast")


def call(reading: Reading, called: object, arguments: Arguments) -> Any:
    """Construct what REDUCE asks for: a plain value, or a ``Made`` whose state may follow."""
    if not isinstance(called, Named):
        raise misused("calls", called)
    entry = called.entry
    if entry.approved:
        return Made(resolve(entry)(*arguments), _set_approved_state)
    if entry.role not in ("REDUCE", "DECODED"):
        raise misused("calls", called)
    if entry.module in _NUMBERS_ONLY and (entry.module, entry.name) not in MAKERS:
        if not all(isinstance(number, float | int | np.floating) for number in arguments):
            raise unfit(entry.name)
        return resolve(entry)(*arguments)
    return MAKERS[entry.module, entry.name](reading, arguments)


def instance(reading: Reading, cls: object, arguments: Arguments) -> Any:
    """Construct what NEWOBJ asks for: an instance without attributes. Only approved classes and
    named tuples take arguments."""
    if isinstance(cls, Named) and (blank := BLANKS.get((cls.entry.module, cls.entry.name))):
        if arguments:
            raise unfit(cls.entry.name)
        return blank()
    if not isinstance(cls, Named) or cls.entry.role not in ("NEWOBJ", "PARSED"):
        raise misused("makes an instance of", cls)
    entry = cls.entry
    made = resolve(entry)
    if entry.approved:
        return Made(made.__new__(made, *arguments), _set_approved_state)
    if issubclass(made, tuple):  # a named tuple
        if len(arguments) != len(made._fields):
            raise unfit(entry.name)
        return tuple.__new__(made, arguments)
    if arguments:
        raise unfit(entry.name)
    if (entry.module, entry.name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
        return Made(ArrayHeader(), _unreachable, needs_state=True)
    if entry.role == "PARSED":
        return Made(made.__new__(made), _set_booster_state, needs_state=True)
    if setter := SETTERS.get((entry.module, entry.name)):
        return Made(made.__new__(made), setter, needs_state=True)
    return Made(made.__new__(made), set_attributes)


def misused(does: str, what: object) -> HostError:
    """Return the refusal of a known type in a role that is not its own."""
    if isinstance(what, Named):
        name = (what.entry.module, what.entry.name)
    else:
        kind = what if hasattr(what, "__name__") else type(what)
        name = (str(getattr(kind, "__module__", "")), str(kind.__name__))
    message = f"The file {does} `{name[0]}.{name[1]}`, which no honest model does."
    return HostError("LOAD", message, refused=(name,))


def _unreachable(reading: Reading, value: Any, state: Any) -> None:
    raise damaged("it holds an array header without an array")


def set_attributes(reading: Reading, value: Any, state: Any) -> None:
    """Set the attributes of an instance, as ``object.__setstate__`` would."""
    if state is None:
        return
    if type(state) is not dict or not all(type(name) is str for name in state):
        raise unfit(type(value).__name__)
    attributes = dict(state)
    if type(version := attributes.pop("_sklearn_version", None)) is str:
        reading.libraries["scikit-learn"] = version[:40]
    if isinstance(value, dict):
        return  # a Bunch keeps everything in its items, and so ignores its state
    if type(value).__module__ == "sklearn.isotonic":
        attributes.pop("f_", None)  # it makes its interpolation again, from its thresholds
        value.__setstate__(attributes)
    else:
        vars(value).update(attributes)


def _set_booster_state(reading: Reading, value: Any, state: Any) -> None:
    """The booster parses the bytes or the text in its state; all else in it is plain."""
    if type(state) is not dict or not all(type(name) is str for name in state):
        raise unfit(type(value).__name__)
    if not isinstance(state.get("handle"), str | bytes | bytearray):
        raise unfit(type(value).__name__)
    value.__setstate__(state)


def _set_approved_state(reading: Reading, value: Any, state: Any) -> None:
    """Set the state as pickle does: by the class's own method if it has one."""
    if hasattr(type(value), "__setstate__"):
        value.__setstate__(state)
    elif type(state) is dict:
        vars(value).update(state)
    else:
        raise unfit(type(value).__name__)


def maker(module: str, *names: str) -> Callable[[Maker], Maker]:
    def register(maker: Maker) -> Maker:
        MAKERS.update({(module, name): maker for name in names})
        return maker

    return register
