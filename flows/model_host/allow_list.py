"""The types a model file may name, as exact (module, name) pairs, each with the one role it plays.

``allow_list.json`` holds them. A rule by prefix (``sklearn.*``) would be no rule: packages hold
functions that read files and run text. Roles:

``NEWOBJ``    a class: the file makes an instance without calling it and gives it its attributes.
``REDUCE``    the file calls it; what really runs is our own function in ``makers.py``.
``ARGUMENT``  an inert name that only one of those functions may receive.
``VALUE``     a function or class that may stand in the model as a plain value.
``DROPPED``   serves training alone; the model is loaded without it. SciPy's distributions, left
              in a file by a random search, belong here: restoring one runs text from the file.

Left out on purpose: the boosters of LightGBM and XGBoost, whose C++ parsers crash on damaged files;
``copyreg._reconstructor``, which protocols 2 to 5 do not need; ``PyFuncDistance``, which wraps a
callable; ``numpy.matrix``.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from .protocol import TypeName

Role = Literal["NEWOBJ", "REDUCE", "ARGUMENT", "VALUE", "DROPPED"]

_data = json.loads(Path(__file__).with_name("allow_list.json").read_text())

ALIASES: dict[str, str] = _data["aliases"]
"""Other names of a module, as other versions of Python, NumPy and SciPy write it."""

ENTRIES: dict[TypeName, Role] = {
    (module, name): role for module, names in _data["types"].items() for name, role in names.items()
}


@dataclass(frozen=True)
class Entry:
    """A type that is allowed: its present name and role. ``approved`` by a superuser, for this file
    only, rather than on our list."""

    module: str
    name: str
    role: Role
    approved: bool = False


def find(module: str, name: str) -> Entry | None:
    """The entry for what a file calls ``module`` and ``name``, None where there is none."""
    present = ALIASES.get(module, module)
    role = ENTRIES.get((present, name))
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
