"""The types a model file may name, as exact (module, name) pairs, each with the one role it plays.

``allow_list.json`` holds them. A rule by prefix (``sklearn.*``) would be no rule: packages hold
functions that read files and run text. Roles:

``NEWOBJ``    a class: the file makes an instance without calling it and gives it its attributes.
``REDUCE``    the file calls it; what really runs is our own function in ``makers.py``.
``ARGUMENT``  an inert name that only one of those functions may receive.
``VALUE``     a function or class that may stand in the model as a plain value.
``PARSED``    a booster: made like NEWOBJ, then its own C++ code parses the bytes in its state.
``DROPPED``   serves training alone; the model is loaded without it. SciPy's distributions, left
              in a file by a random search, belong here: restoring one runs text from the file.

The boosters of LightGBM and XGBoost stand apart, for the setting BOOSTERS_ALLOWED, which is off:
their C++ parsers crash on damaged files. Left out on purpose: ``copyreg._reconstructor``, which
protocols 2 to 5 do not need; ``PyFuncDistance``, which wraps a callable; ``numpy.matrix``.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from .protocol.artifact import TypeName

Role = Literal["NEWOBJ", "REDUCE", "ARGUMENT", "VALUE", "PARSED", "DROPPED"]

_data = json.loads(Path(__file__).with_name("allow_list.json").read_text())

ALIASES: dict[str, str] = _data["aliases"]
"""Other names of a module, as other versions of Python, NumPy and SciPy write it."""

ENTRIES: dict[TypeName, Role] = {
    (module, name): role for module, names in _data["types"].items() for name, role in names.items()
}

BOOSTERS: dict[TypeName, Role] = {
    (module, name): role
    for module, names in _data["boosters"].items()
    for name, role in names.items()
}
"""What is added where BOOSTERS_ALLOWED is on."""

BOOSTER_MODULES = tuple(_data["boosters"])
"""To be imported before the lock then; a server may have none of them."""


@dataclass(frozen=True)
class Entry:
    """A type that is allowed: its present name and role. ``approved`` by a superuser, for this file
    only, rather than on our list."""

    module: str
    name: str
    role: Role
    approved: bool = False


def find(module: str, name: str, *, boosters: bool = False) -> Entry | None:
    """The entry for what a file calls ``module`` and ``name``, None where there is none."""
    present = ALIASES.get(module, module)
    role = ENTRIES.get((present, name)) or (BOOSTERS.get((present, name)) if boosters else None)
    return None if role is None else Entry(present, name, role)


@cache
def resolve(module: str, name: str) -> Any:
    """The object itself. Call it for an ``Entry`` only: it imports the module.

    Raises ImportError or AttributeError where this server's libraries do not have it.
    """
    if (module, name) == ("numpy", "memmap"):  # it opens a file when made
        return resolve("numpy", "ndarray")
    return getattr(importlib.import_module(module), name)


def preload() -> None:
    """Imports all that the list names, so that a locked-down process need not open a file."""
    for (module, name), role in ENTRIES.items():
        if role != "DROPPED":
            resolve(module, name)
