"""The refused types of a file that a superuser may approve."""

import sys
from collections.abc import Callable, Collection
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec

from django.conf import settings

from config.runtimes import default_minor, packages_of
from model_host.loading.allow_list import find
from model_host.protocol.artifact import TypeName

NEVER = sys.stdlib_module_names | {
    "__main__",
    "cloudpickle",
    "dill",
    "flows",
    "lightgbm",
    "model_host",
    "test",
    "xgboost",
}
"""Packages whose types cannot be approved. Types of Python itself and our own code are either on
the list or needed by no honest model; ``__main__`` is the training script; ``cloudpickle`` and
``dill`` make functions of code in the file; the boosters have a setting of their own."""


def approvable(
    refused: Collection[TypeName],
    approved: Collection[TypeName],
    absent: Collection[TypeName] = (),
) -> list[TypeName]:
    """Return the refused types, sorted, if a superuser's approval could open the file; none if one
    of them stays refused whatever anybody says.

    Types on our own list were refused for how the file uses them and those in ``approved`` for what
    they did: approving either changes nothing, and those in ``absent`` do not exist here. What is
    no plain ASCII name was made up by the file.
    """
    if all(
        find(module, name) is None
        and (module, name) not in approved
        and (module, name) not in absent
        and module.partition(".")[0] not in NEVER
        and all(part.isidentifier() and part.isascii() for part in (*module.split("."), name))
        for module, name in refused
    ):
        return sorted(set(refused))
    return []


def not_installed(types: Collection[TypeName], runtime: str = "") -> list[str]:
    """Return the packages of ``approvable`` types that the runtime does not have here, sorted. They
    are only looked for: no package is imported on the word of a file."""
    packages = {module.partition(".")[0] for module, _ in types}
    find_in: Callable[[str], ModuleSpec | None] = find_spec
    if runtime not in ("", default_minor()):
        place = str(packages_of(settings.RUNTIMES_DIR, runtime))
        find_in = partial(PathFinder.find_spec, path=[place])
    return sorted(package for package in packages if find_in(package) is None)
